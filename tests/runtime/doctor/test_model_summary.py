"""What a model folder holds is told in whatever state it is, from its files alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.small_next_token import open_small_next_token

from videobert.base.code_trust import remember_build, sidecar_digest
from videobert.base.errors import ModelError
from videobert.doctor.model_summary import summarize
from videobert.model.folder import ModelFolder, find
from videobert.model.summary import ModelSummary
from videobert.results.as_json import to_json

ALL = (
    *("run", "tokens", "features", "embed", "fill", "classify", "align"),
    *("caption", "answer", "events", "forecast", "index", "search", "locate", "summarize", "sentiment", "edit"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled model."""
    return Path(shutil.copytree(find("shapes"), tmp_path / "a model"))


def problems(summary: ModelSummary) -> str:
    return "\n".join(f"{problem.what}: {problem.fix}" for problem in summary.problems)


def test_the_bundled_model_is_told_as_it_is() -> None:
    summary, folder = summarize("shapes"), ModelFolder("shapes")
    assert (summary.config, summary.recipe, summary.weights) == (folder.config, folder.recipe, folder.hash)
    assert summary.problems == ()
    assert summary.verbs == ALL
    assert summary.runs_with == ("openvino", "torch")
    assert summary.words is not None
    assert (summary.words.count, len(summary.words.shown)) == (45, 45)
    assert summary.words.special == ("[CLS]", "[MASK]", "[PAD]", "[SEP]", "[UNK]")
    assert {"yellow", "bounces"} <= set(summary.words.shown)
    assert summary.codebook is not None
    assert (summary.codebook.leaves, summary.codebook.dim, summary.codebook.levels) == (1684, 256, (12, 144))
    assert list(summary.questions) == ["motion", "colour", "shape", "mood"]
    assert summary.parameters is not None
    assert 3e6 < summary.parameters < 4e6
    assert all(graph.size_bytes for graph in summary.graphs)
    assert summary.card is not None
    assert (summary.card.licence or "").startswith("Apache-2.0")
    assert any("No people" in limit for limit in summary.card.limits)
    json.dumps(to_json(summary), allow_nan=False)


def remove(*names: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


@pytest.mark.parametrize(
    ("change", "said", "verbs"),
    [
        (remove("manifest.json"), "manifest.json is missing: the folder is not finished: Run `videobert build '", ()),
        (remove("graphs"), "no graphs: the weights are not exported yet: Run `videobert build '", ALL),
        (remove("graphs", "model.safetensors"), "no graphs", ()),
        (remove("graphs/encoder.onnx"), "graphs are missing: encoder: Run `videobert build '", ALL),
        (remove("codebook.safetensors"), "only text can be asked: Run `videobert cluster", ("embed", "fill")),
        (remove("config.json"), "config.json is missing: The rest cannot be judged", ()),
        (remove("recipe.json"), "recipe.json is missing", ()),
        (remove("tokenizer.json"), "tokenizer.json is missing: Without it no text can be read", ()),
        (remove("model.safetensors"), "missing, though the manifest lists it: model.safetensors", ALL),
        (remove("README.md"), "missing, though the manifest lists it: README.md", ALL),
        (write("manifest.json", b"{}"), "manifest.json is damaged", ()),
        (write("manifest.json", b'{"format": 1, "files": {"../x": ""}}'), "manifest.json is damaged", ()),
        (write("config.json", b"["), "config.json is not JSON", ()),
        (write("config.json", b'{"format": 9}'), "a format that is not known: 9: Install the videobert release", ()),
        (write("recipe.json", b"7"), "recipe", ()),
        (write("tokenizer.json", b"{}"), "tokenizer.json cannot be read", ()),
        (write("codebook.safetensors", b"x" * 99), "codebook.safetensors is not a codebook", ("embed", "fill")),
        (write("model.safetensors", b"x" * 99), "model.safetensors cannot be read", ALL),
        (write("graphs/text_head.onnx", b"x"), "graphs/text_head.onnx is damaged or was changed", ALL),
        (write("README.md", b"\xff\xfe# \x1b[31m"), "README.md is damaged or was changed", ALL),
    ],
    ids=lambda value: "" if callable(value) or isinstance(value, tuple) else value[:40],
)
def test_a_folder_in_another_state_says_what_is_wrong(
    change: Callable[[Path], None], said: str, verbs: tuple[str, ...], folder: Path
) -> None:
    change(folder)
    summary = summarize(folder)
    assert said in problems(summary)
    assert summary.verbs == verbs
    # One problem for one fault.
    assert len(summary.problems) <= 3, problems(summary)
    assert len({problem.what for problem in summary.problems}) == len(summary.problems)
    json.dumps(to_json(summary), allow_nan=False)


def test_which_engine_a_folder_feeds_is_told(folder: Path) -> None:
    remove("graphs/encoder.onnx")(folder)
    assert summarize(folder).runs_with == ("torch",)
    remove("model.safetensors")(folder)
    assert summarize(folder).runs_with == ()


def test_parts_that_do_not_fit_are_told(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | {"visual_tokens": 9}))
    assert "1684 visual tokens of 256 values, config.json says 9 of 256" in problems(summarize(folder))


def test_what_lies_outside_the_folder_is_not_read(folder: Path, tmp_path: Path) -> None:
    (folder / "README.md").rename(tmp_path / "elsewhere.md")
    (folder / "README.md").symlink_to(tmp_path / "elsewhere.md")
    assert summarize(folder).card is None


@pytest.mark.parametrize("content", [(), ("notes.txt",)])
def test_a_folder_without_a_model_is_an_error(content: tuple[str, ...], tmp_path: Path) -> None:
    for name in content:
        (tmp_path / name).touch()
    with pytest.raises(ModelError, match="not a model folder"):
        summarize(tmp_path)
    with pytest.raises(ModelError, match="no such model"):
        summarize(tmp_path / "none")


def test_a_large_vocabulary_is_sampled(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_bytes())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary |= {f"[unused{n}]": len(vocabulary) + n for n in range(500)}
    vocabulary |= {f"w{chr(97 + n % 26)}{chr(97 + n // 26)}": len(vocabulary) + n for n in range(500)}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | {"words": len(vocabulary)}))
    words, every = summarize(folder).words, summarize(folder, all_words=True).words
    assert words is not None
    assert every is not None
    assert words.count == every.count == len(every.shown) == 1045
    assert len(words.shown) == 24
    assert all(word.isalpha() for word in words.shown)


def test_compiled_engines_are_told_with_who_built_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plans, kernels = folder / "engines" / "tensorrt-rtx", folder / "engines" / "cuda-sm90"
    plans.mkdir(parents=True)
    kernels.mkdir()
    (plans / "backbone.plan").write_bytes(b"x" * 10)
    fields, others = {"recipe": {"precision": "fp16"}}, {"target": "cuda-sm90"}
    own = sidecar_digest(fields)
    (plans / "backbone.json").write_text(json.dumps({**fields, "self": own}))
    (kernels / "kernels.json").write_text(json.dumps({**others, "digest": sidecar_digest(others)}))
    for sidecar in (plans / "backbone.json", kernels / "kernels.json"):
        sidecar.chmod(0o644)
    remember_build(own)
    found = {engine.target: engine for engine in summarize(folder).engines}
    assert set(found) == {"tensorrt-rtx", "cuda-sm90"}
    rtx = found["tensorrt-rtx"]
    assert (rtx.stages, rtx.precision, rtx.built_here) == (("backbone",), "fp16", True)
    assert (found["cuda-sm90"].stages, found["cuda-sm90"].built_here) == ((), False)
    (plans / "encoder.json").write_bytes(b"\x00")
    for stolen in ("../built", own):
        (kernels / "kernels.json").write_text(json.dumps({**others, "digest": stolen}))
        assert not any(engine.built_here for engine in summarize(folder).engines)


def test_an_engine_that_others_could_have_changed_is_not_told_as_ones_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sidecar = folder / "engines" / "tensorrt-rtx" / "backbone.json"
    sidecar.parent.mkdir(parents=True)
    fields = {"recipe": {"precision": "fp16"}}
    sidecar.write_text(json.dumps({**fields, "self": sidecar_digest(fields)}))
    remember_build(sidecar_digest(fields))
    for mode, own in ((0o644, True), (0o664, False), (0o646, False)):
        sidecar.chmod(mode)
        assert [engine.built_here for engine in summarize(folder).engines] == [own]


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from videobert.doctor.model_summary import summarize; summarize('shapes'); "
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert not {"torch", "openvino", "av", "onnx", "videobert_modeling"} & set(done.stdout.split())


def test_untrained_parts_are_told_and_an_untrained_backbone_is_a_problem(folder: Path) -> None:
    fields = json.loads((folder / "config.json").read_text())
    assert "untrained" not in fields
    (folder / "config.json").write_text(json.dumps(fields | {"untrained": ["alignment_head"]}))
    summary = summarize(str(folder))
    assert summary.config is not None
    assert summary.config.untrained == ("alignment_head",)
    assert "trained" not in problems(summary)
    (folder / "config.json").write_text(json.dumps(fields | {"untrained": ["backbone"]}))
    assert "the backbone was never trained" in problems(summarize(str(folder)))
    assert "--backbone FILE" in problems(summarize(str(folder)))


def test_a_model_whose_tokens_are_given_is_not_sent_to_cluster(tmp_path: Path) -> None:
    with open_small_next_token(tmp_path):
        pass
    content = (tmp_path / "codebook.safetensors").read_bytes()
    (tmp_path / "codebook.safetensors").unlink()
    said = problems(summarize(tmp_path))
    assert "only text can be asked: Import it again with --centroids" in said
    assert "cluster" not in said
    (tmp_path / "codebook.safetensors").write_bytes(content)
    config = json.loads((tmp_path / "config.json").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config | {"visual_tokens": 9}))
    said = problems(summarize(tmp_path))
    assert "config.json says 9 of 4: Import it again with --centroids" in said
    assert "cluster" not in said


def test_nor_is_one_that_was_never_built(tmp_path: Path) -> None:
    with open_small_next_token(tmp_path):
        pass
    for name in ("codebook.safetensors", "manifest.json"):
        (tmp_path / name).unlink()
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ModelError, match="was not built") as refused:
        ModelFolder(tmp_path)
    assert str(refused.value.fix).startswith("Import it again with --centroids")
    assert "cluster" not in str(refused.value.fix)
