"""MIL-NCE's text-video checkpoint as a model folder: its words, its table, and what is refused."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.modeling.models.plain_milnce import text_ids
from torch import Tensor

from videobert.base.errors import LimitExceeded, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe
from videobert.text.reader import TextTokenizer
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.shared import word_list
from videobert_modeling.models import load_weights
from videobert_modeling.models.backbones.s3dg import S3DG

State = dict[str, Tensor]
DICTIONARY = ["open", "the", "door", "don't", "cut", "tomato", "é"]
ROWS, WORD, INNER, WIDTH, FEATURE = len(DICTIONARY) + 1, 12, 20, 16, 32


def small_state() -> State:
    torch.manual_seed(4)
    state = {name: tensor.clone() for name, tensor in S3DG(0.125, FEATURE).state_dict().items()}
    for name, shape in {
        "fc.weight": (WIDTH, FEATURE),
        "fc.bias": (WIDTH,),
        "text_module.word_embd.weight": (ROWS, WORD),
        "text_module.fc1.weight": (INNER, WORD),
        "text_module.fc1.bias": (INNER,),
        "text_module.fc2.weight": (WIDTH, INNER),
        "text_module.fc2.bias": (WIDTH,),
    }.items():
        state[name] = torch.randn(shape)
    return state


@pytest.fixture(scope="module")
def state() -> State:
    return small_state()


@pytest.fixture(scope="module")
def source(state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "s3d_howto100m.pth"
    torch.save(state, path)
    return path


def a_word_a_line(folder: Path, words: list[str] = DICTIONARY) -> Path:
    path = folder / "words.txt"
    path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("out")
    import_checkpoint("milnce", source, place / "model", dictionary=a_word_a_line(place))
    return place / "model"


def test_the_folder_says_what_the_checkpoint_is(folder: Path) -> None:
    config = ModelConfig.read(folder / "config.json")
    assert (config.family, config.words, config.visual_tokens, config.heads) == ("milnce", ROWS, 0, ())
    assert (config.backbone.kind, config.backbone.feature_dim) == ("s3dg", FEATURE)
    assert (config.encoder.width, config.encoder.feed_forward, config.encoder.positions) == (WORD, INNER, 16)
    assert config.two_towers is not None
    assert config.two_towers.width == WIDTH
    recipe = Recipe.from_json(json.loads((folder / "recipe.json").read_text()))
    assert (recipe.frames, recipe.fps, recipe.short_side, recipe.crop) == (32, 10, 224, 224)
    assert (recipe.mean, recipe.std) == ((0, 0, 0), (1, 1, 1))


def test_every_tensor_is_accounted_for_and_exact(folder: Path, state: State) -> None:
    ledger = json.loads((folder / "import.json").read_text())
    assert {entry["name"] for entry in ledger["tensors"]} == set(state)
    assert set(ledger["counts"]) <= {"used", "renamed", "ignored"}
    backbone, model = load_weights(folder)
    for name, tensor in backbone.state_dict().items():
        assert name.endswith("tracked") or torch.equal(tensor, state[name]), name
    ours = model.state_dict()
    for theirs, name in {
        "fc": "video_embedding",
        "text_module.fc1": "text_embedding.inner",
        "text_module.fc2": "text_embedding.outer",
    }.items():
        assert torch.equal(ours[f"{name}.weight"], state[f"{theirs}.weight"])
        assert torch.equal(ours[f"{name}.bias"], state[f"{theirs}.bias"])
    assert torch.equal(ours["text_embedding.words.weight"], state["text_module.word_embd.weight"])


def test_weights_that_fit_float16_are_stored_so(state: State, tmp_path: Path) -> None:
    from safetensors import safe_open

    for dtype in ("float16", "float32"):
        place = tmp_path / dtype
        place.mkdir()
        rounded = {name: t.half().float() if t.is_floating_point() else t for name, t in state.items()}
        torch.save(rounded if dtype == "float16" else state, place / "w.pth")
        import_checkpoint("milnce", place / "w.pth", place / "model", dictionary=a_word_a_line(place))
        with safe_open(place / "model" / "model.safetensors", "np") as file:
            assert file.get_tensor("text_embedding.words.weight").dtype == dtype


def tokenizer_of(folder: Path) -> TextTokenizer:
    config = ModelConfig.read(folder / "config.json")
    return TextTokenizer((folder / "tokenizer.json").read_bytes(), config, Limits())


@pytest.mark.parametrize(
    "text",
    [
        "Open the DOOR",
        "don't cut_the tomato's",
        "zzz",
        "",
        "É é ẞ",
        "open " * 7,
        "don't! (cut) [MASK] [PAD]",
        "x²² 'open'",
    ],
)
def test_words_are_those_of_the_published_program(folder: Path, text: str) -> None:
    tokenizer = tokenizer_of(folder)
    known = [piece for piece in tokenizer.encode(text) if piece != tokenizer.special.unknown]
    assert (known + 16 * [0])[:16] == text_ids(text, DICTIONARY)


def test_unknown_words_are_told(folder: Path) -> None:
    read = tokenizer_of(folder).read("Open that door")
    assert (read.known_words, read.unknown_words) == (("Open", "door"), ("that",))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: np.save(path / "d.npy", np.array(DICTIONARY)),
        lambda path: np.save(path / "d.npy", np.array([word.encode() for word in DICTIONARY])),
        lambda path: (path / "d.json").write_text(json.dumps(DICTIONARY)),
        lambda path: (path / "d.txt").write_bytes("\r\n".join(DICTIONARY).encode()),
    ],
    ids=["text array", "bytes array", "json", "crlf"],
)
def test_a_dictionary_may_have_several_forms(
    source: Path, folder: Path, tmp_path: Path, write: Callable[[Path], Any]
) -> None:
    write(tmp_path)
    (dictionary,) = tmp_path.iterdir()
    import_checkpoint("milnce", source, tmp_path / "model", dictionary=dictionary)
    assert (tmp_path / "model" / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()


class RunsCode:
    """What a pickle may hold: something that is called when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_an_array_of_objects_is_never_unpickled(source: Path, tmp_path: Path) -> None:
    array = np.array([RunsCode(tmp_path / "ran"), *DICTIONARY[1:]], object)
    np.save(tmp_path / "s3d_dict.npy", array)
    with pytest.raises(ModelError, match="Python objects, which numpy would unpickle") as refused:
        import_checkpoint("milnce", source, tmp_path / "model", dictionary=tmp_path / "s3d_dict.npy")
    assert "Where you trust the file" in str(refused.value.fix)
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "model").exists()


def test_the_advice_on_such_an_array_works(source: Path, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "s3d_dict.npy", np.array(DICTIONARY, object))
    with pytest.raises(ModelError) as refused:
        import_checkpoint("milnce", source, tmp_path / "model", dictionary=tmp_path / "s3d_dict.npy")
    command = str(refused.value.fix).split("yourself: ")[1].split(", and pass")[0]
    words = shlex.split(command)
    assert words[:2] == ["python", "-c"]
    assert words[3:] == [">", "s3d_dict.txt"]
    with (tmp_path / "s3d_dict.txt").open("wb") as out:
        subprocess.run(
            [sys.executable, *words[1:3]], cwd=tmp_path, stdout=out, check=True, env={**os.environ, "PYTHONUTF8": "1"}
        )
    import_checkpoint("milnce", source, tmp_path / "model", dictionary=tmp_path / "s3d_dict.txt")
    assert (tmp_path / "model" / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "seen"), [(DICTIONARY[:-1], "6 words"), ([*DICTIONARY, "x"], "8 words"), ([], "1 words")]
)
def test_a_dictionary_of_another_table_is_refused(source: Path, tmp_path: Path, words: list[str], seen: str) -> None:
    with pytest.raises(ModelError, match="not the dictionary of this table") as refused:
        import_checkpoint("milnce", source, tmp_path / "model", dictionary=a_word_a_line(tmp_path, words))
    assert refused.value.seen == seen
    assert str(refused.value.allowed).startswith("7, for 8 rows")


def test_words_without_a_row_are_left_out_where_that_is_asked_for(source: Path, folder: Path, tmp_path: Path) -> None:
    ledger = import_checkpoint(
        "milnce", source, tmp_path / "m", dictionary=a_word_a_line(tmp_path, [*DICTIONARY, "x"]), strict=False
    )
    assert any("1 words have no row" in note for note in ledger.notes)
    assert (tmp_path / "m" / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()


def _array(header: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "cannot be read"),
        (b'{"a": 1}', "does not hold a list of words"),
        (b"[1, 2]", "does not hold a list of words"),
        (b"[" * 100_000, "cannot be read"),
        (b'["\\ud800", "red"]', "a word that is no text"),
        (_array(b"{[]: 1}"), "cannot be read"),
        (_array(b"(" * 9000), "cannot be read"),
        (_array(b"{'descr': '<U0', 'fortran_order': False, 'shape': (1099511627776,)}"), "1099511627776 words"),
    ],
)
def test_a_damaged_list_of_words_is_refused(source: Path, tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / {255: "d.txt", 147: "d.npy"}.get(content[0], "d.json")
    path.write_bytes(content)
    with pytest.raises(ModelError, match=says):
        import_checkpoint("milnce", source, tmp_path / "model", dictionary=path)


@pytest.mark.parametrize("array", [np.arange(7), np.array([DICTIONARY])], ids=["numbers", "two dimensions"])
def test_an_array_of_something_else_is_refused(source: Path, tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "d.npy", array)
    with pytest.raises(ModelError, match="does not hold a list of words"):
        import_checkpoint("milnce", source, tmp_path / "model", dictionary=tmp_path / "d.npy")


def test_a_list_of_words_has_limits(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_list, "_FILE_BYTES", 10)
    with pytest.raises(LimitExceeded, match="too large"):
        import_checkpoint("milnce", source, tmp_path / "model", dictionary=a_word_a_line(tmp_path))


def test_the_dictionary_must_be_given_and_be_there(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="in a file of their own") as refused:
        import_checkpoint("milnce", source, tmp_path / "model")
    assert "--dictionary" in str(refused.value.fix)
    with pytest.raises(ModelError, match="does not exist"):
        import_checkpoint("milnce", source, tmp_path / "model", dictionary=tmp_path / "nowhere.npy")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "x").touch()
    with pytest.raises(UsageError):
        import_checkpoint("milnce", source, tmp_path / "model", dictionary=a_word_a_line(tmp_path))


def without(name: str) -> Callable[[State], State]:
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


def turned(name: str) -> Callable[[State], State]:
    return lambda state: {**state, name: state[name].T.contiguous()}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (without("fc.weight"), r"lacks the tensor fc\.weight.*no text-video model"),
        (without("text_module.fc2.bias"), r"lacks the tensor text_module\.fc2\.bias"),
        (without("text_module.word_embd.weight"), r"lacks the tensor text_module\.word_embd\.weight"),
        (without("mixed_4c.conv_b0.conv1.weight"), "1 tensors are unexplained.*mixed_4c"),
        (lambda state: {**state, "text_module.fc3.weight": torch.ones(2, 2)}, "1 tensors are unexplained.*fc3"),
        (turned("fc.weight"), r"tensor fc\.weight has another shape"),
        (turned("text_module.fc1.weight"), r"tensor text_module\.fc1\.(weight|bias) has another shape"),
        (turned("text_module.fc2.weight"), r"tensor text_module\.fc2\.weight has another shape"),
        (lambda state: {**state, "fc.bias": torch.full((WIDTH,), torch.nan)}, "NaN or infinite"),
        (lambda state: {f"bert.{name}": tensor for name, tensor in state.items()}, "not an S3D-G checkpoint"),
    ],
)
def test_another_checkpoint_is_refused(
    state: State, tmp_path: Path, change: Callable[[State], State], says: str
) -> None:
    torch.save(change(state), tmp_path / "w.pth")
    with pytest.raises(ModelError, match=says):
        import_checkpoint("milnce", tmp_path / "w.pth", tmp_path / "model", dictionary=a_word_a_line(tmp_path))
    assert not (tmp_path / "model").exists()


def test_centroids_give_it_visual_tokens(source: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "centers.npy", np.random.default_rng(0).standard_normal((5, FEATURE)).astype(np.float32))
    import_checkpoint(
        "milnce", source, tmp_path / "m", dictionary=a_word_a_line(tmp_path), centroids=tmp_path / "centers.npy"
    )
    assert ModelConfig.read(tmp_path / "m" / "config.json").visual_tokens == 5
    assert (tmp_path / "m" / "codebook.safetensors").is_file()


def test_clips_of_odd_sizes_are_refused_before_anything_is_written(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="S3D-G takes even sizes only; got 15 frames"):
        import_checkpoint(
            "milnce", source, tmp_path / "out", dictionary=a_word_a_line(tmp_path), recipe=Recipe(frames=15)
        )
    assert not (tmp_path / "out").exists()
