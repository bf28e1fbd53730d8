"""The whole way: `videobert build` on a small folder with random weights, then every verb on a real video file."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from videobert.cli.main import main
from videobert.model.folder import backbone_hash
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.visual.codebook import Codebook

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "a", "circle", "square"]
RECIPE = Recipe(fps=10, frames=15, short_side=48, crop=48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder without graphs."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    from videobert_modeling.models import S3D, VideoBert, save_weights
    from videobert_modeling.models.configurations import tiny
    from videobert_modeling.models.weights import backbone_tensors

    place = tmp_path_factory.mktemp("model")
    question = QuestionConfig(templates=("a [MASK] circle",), labels=("red", "blue"))
    config = dataclasses.replace(tiny(), window_clips=4, questions={"colour": question})
    torch.manual_seed(0)
    backbone, model = S3D(config.backbone.width, config.backbone.feature_dim).eval(), VideoBert(config).eval()
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(WORDS[:5])
    (place / "config.json").write_text(json.dumps(config.to_json()))
    (place / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (place / "tokenizer.json").write_text(tokenizer.to_str())
    (place / "README.md").write_text("# tiny\n")
    save_weights(model, backbone, place / "model.safetensors")
    leaves = np.random.default_rng(0).normal(size=(config.visual_tokens, config.backbone.feature_dim))
    Codebook(
        leaves=leaves.astype(np.float32),
        levels=None,
        distances=np.linspace(0, 50, 101, dtype=np.float32),
        backbone_hash=backbone_hash({name: tensor.numpy() for name, tensor in backbone_tensors(backbone).items()}),
        clip_hash=RECIPE.clip_hash,
        agreement=None,
        seed=0,
    ).save(place / "codebook.safetensors")
    return place


@pytest.fixture(scope="module")
def built(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after `videobert build`."""
    out = tmp_path_factory.mktemp("out") / "built"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with pytest.raises(SystemExit) as ended:
            main(["build", str(folder), "--out", str(out), "--json"])
    assert not ended.value.code
    return out


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5.2 s of a block that moves, as MPEG-4 at 20 frames a second: three clips and a short one."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=20)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(104):
            frame = np.full((64, 96, 3), (40, 60, 90), np.uint8)
            frame[20:44, index % 72 : index % 72 + 24] = (220, 40, 40) if index < 60 else (40, 60, 230)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def verb(call: Any, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs a verb with the built model, all compiled graphs in one cache."""
    cache = tmp_path_factory.getbasetemp() / "cli-cache"
    return lambda *arguments: call(*arguments, "--model", built, "--cache-dir", cache)


def test_build_exports_checks_and_counts(built: Path) -> None:
    names = sorted(path.stem for path in (built / "graphs").glob("*.onnx"))
    assert names == ["alignment_head", "backbone", "encoder", "text_head", "visual_head"]
    assert (built / "manifest.json").is_file()


def test_run_reports_in_three_forms(verb: Any, clip: Path, tmp_path: Path) -> None:
    shown = verb("run", clip, "--html", tmp_path / "report.html")
    assert shown.code == 0, shown.err
    assert "clip.mp4" in shown.out
    assert "colour" in shown.out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "url(data:image/jpeg" in page
    report = verb("run", clip, "--json").json
    assert report["origin"]["model"] == "tiny"
    assert report["origin"]["recipe"] == RECIPE.hash
    assert report["duration_s"] == pytest.approx(5.2)
    assert (report["segments"][0]["start_s"], report["segments"][-1]["end_s"]) == (0.0, pytest.approx(5.2))
    assert {candidate["text"] for candidate in report["segments"][0]["answers"]["colour"]} == {"red", "blue"}
    for segment in report["segments"]:
        assert f"{segment['start_s']:.1f}–{segment['end_s']:.1f} s" in shown.out


def test_saved_tokens_stand_for_the_video(verb: Any, clip: Path, tmp_path: Path) -> None:
    saved = tmp_path / "clip.vbt"
    tokens = verb("tokens", clip, "--out", saved, "--json").json
    assert len(tokens["ids"]) == 4
    assert tokens["padded_frames"] == 8  # of 15; the last clip covers 4.5 to 5.2 s
    again = verb("tokens", saved, "--json").json
    made = tokens.pop("origin")
    assert made["decoder"] == "pyav"
    from_file = {"decoder": None, "tokens_from": {"engine": made["engine"], "precision": made["precision"]}}
    assert again.pop("origin") == made | from_file
    assert again == tokens
    ask = ("a red circle", "--json")
    ours, theirs = (verb("align", video, *ask).json for video in (saved, clip))
    assert ours.pop("origin") == theirs.pop("origin") | from_file
    assert ours == theirs
    assert verb("run", saved, "--html", tmp_path / "tokens.html").code == 0


def test_every_other_verb_answers(verb: Any, clip: Path) -> None:
    fill = verb("fill", "a [MASK] circle", clip, "--visual", "1", "--top", "2", "--json").json
    assert [(place["kind"], len(place["candidates"])) for place in fill["filled"]] == [("word", 2), ("visual", 2)]
    labels = verb("classify", clip, "-l", "red", "-l", "blue", "-t", "a [MASK] circle", "--json").json
    assert sum(candidate["score"] for candidate in labels["segments"][0]["candidates"]) == pytest.approx(1)
    assert len(verb("embed", clip, "--text", "a circle", "--json").json["vector"]) == 64
    assert 0 <= float(verb("align", clip, "a circle").out.splitlines()[0]) <= 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "no-such-file.mp4"], 3, "no-such-file.mp4"),
        (["run", "CLIP", "--max-duration-s", "1"], 3, "1"),
        (["run", "CLIP", "--max-side-px", "64"], 3, "64"),
        (["classify", "CLIP", "--question", "weather"], 3, "weather"),
        (["fill", "nothing to fill", "CLIP"], 2, "[MASK]"),
    ],
    ids=["missing", "long", "large", "question", "mask"],
)
def test_bad_input_is_said_plainly(verb: Any, clip: Path, arguments: list[str], code: int, said: str) -> None:
    ended = verb(*[str(clip) if word == "CLIP" else word for word in arguments])
    assert ended.code == code
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert said in ended.err


def test_a_damaged_model_is_bad_input(call: Any, built: Path, clip: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "damaged")
    (tmp_path / "damaged" / "codebook.safetensors").write_bytes(b"nothing")
    ended = call("run", clip, "--model", tmp_path / "damaged", "--cache-dir", tmp_path / "cache")
    assert ended.code == 3
    assert "codebook.safetensors" in ended.err


def test_the_run_side_answers_without_torch(built: Path, clip: Path, tmp_path: Path) -> None:
    code = (
        "import sys; hidden = 'torch transformers onnx onnxruntime onnxscript sklearn cv2 videobert_modeling'.split(); "
        "sys.modules.update(dict.fromkeys(hidden)); from videobert.cli.main import main; main()"
    )
    typed = ["run", str(clip), "--model", str(built), "--json", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run([sys.executable, "-c", code, *typed], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["origin"]["engine"] == "openvino"
