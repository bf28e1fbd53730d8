"""RoBERTa's tokenizer files against transformers' own reading of the same folder."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.small_byte_level import byte_level, vocabulary
from tokenizers import Tokenizer
from transformers import RobertaTokenizer

from videobert.base.errors import ModelError
from videobert.base.limits import Limits
from videobert.model.config import ModelConfig
from videobert.text.reader import TextTokenizer
from videobert_modeling.importers.shared.byte_level_tokenizer import find_byte_level, read_byte_level

SIZE = 400
TEXTS = ["a red circle", " a  red\tcircle\n", "Naïve café 中文 😀", "it's 3 squares, isn't it?", "", "moves  ", "\x00é"]
MASK = {"lstrip": True, "rstrip": False, "normalized": False, "single_word": False, "special": True}


def write(folder: Path, *, words: Any = None, merges: str | None = None, whole: bytes = b"", **files: Any) -> Path:
    """`vocab.json` and `merges.txt`, or a whole `tokenizer.json`."""
    folder.mkdir(exist_ok=True)
    ids, pairs = vocabulary(SIZE)
    if whole:
        (folder / "tokenizer.json").write_bytes(whole)
    else:
        (folder / "vocab.json").write_text(words if isinstance(words, str) else json.dumps(words or ids))
        text = "#version: 0.2\n" + "".join(f"{first} {second}\n" for first, second in pairs)
        (folder / "merges.txt").write_text(text if merges is None else merges, encoding="utf-8")
    for name, fields in files.items():
        (folder / f"{name}.json").write_text(json.dumps(fields))
    return folder


def ours(folder: Path, notes: list[str] | None = None) -> Tokenizer:
    found = find_byte_level(folder)
    assert found is not None
    return Tokenizer.from_str(read_byte_level(found, notes).decode())


def same(folder: Path, texts: list[str] = TEXTS) -> None:
    read, theirs = ours(folder), RobertaTokenizer.from_pretrained(str(folder))
    for text in texts:
        found = read.encode(text, add_special_tokens=False)
        assert found.ids == theirs.encode(text, add_special_tokens=False), (text, found.tokens)


@pytest.mark.parametrize("space", [None, False, True], ids=str)
@pytest.mark.parametrize("whole", [b"", byte_level(SIZE)], ids=["two-files", "one-file"])
def test_text_is_split_as_in_transformers(tmp_path: Path, space: bool | None, whole: bytes) -> None:
    config = {} if space is None else {"add_prefix_space": space}
    same(write(tmp_path / "hub", whole=whole, tokenizer_config={"tokenizer_class": "RobertaTokenizer", **config}))


def test_the_space_before_a_masked_word_is_the_words(tmp_path: Path) -> None:
    folder = write(tmp_path / "hub")
    assert ours(folder).encode("a <mask> circle").tokens == ["a", " <mask>", "Ġcircle"]
    content = read_byte_level(folder / "vocab.json")
    read = TextTokenizer(content, ModelConfig(name="t", words=SIZE, visual_tokens=4), Limits())
    assert read.read("a [MASK] circle", masks=True).pieces == read.read("a <mask> circle", masks=True).pieces


def test_what_the_source_says_of_the_masked_word_holds(tmp_path: Path) -> None:
    config = {"added_tokens_decoder": {str(SIZE - 1): MASK | {"content": "<mask>", "lstrip": False}}}
    assert ours(write(tmp_path / "hub", tokenizer_config=config)).encode("a <mask>").tokens == ["a", "Ġ", "<mask>"]
    config["added_tokens_decoder"][str(SIZE - 1)]["lstrip"] = True
    same(write(tmp_path / "hub", tokenizer_config=config), ["a <mask> circle", "<mask>", "a<mask>red"])


def test_a_whole_file_is_preferred_and_passed_on_as_it_is(tmp_path: Path) -> None:
    content = byte_level(SIZE)
    folder = write(write(tmp_path / "hub"), whole=content)
    found = find_byte_level(folder)
    assert found == folder / "tokenizer.json"
    assert read_byte_level(found) == content
    assert find_byte_level(tmp_path) is None


def test_a_switch_that_changes_a_whole_file_is_told(tmp_path: Path) -> None:
    notes: list[str] = []
    folder = write(tmp_path / "hub", whole=byte_level(SIZE), tokenizer_config={"add_prefix_space": True})
    assert ours(folder, notes).encode("red").tokens == ["Ġred"]
    assert len(notes) == 1
    assert "add_prefix_space = true" in notes[0]


@pytest.mark.parametrize("whole", [True, False], ids=["one-file", "two-files"])
def test_special_words_of_other_names_are_renamed_and_keep_their_ids(tmp_path: Path, whole: bool) -> None:
    theirs = {"cls_token": "<cls>", "mask_token": {"content": "<blank>"}}
    names = {"<s>": "<cls>", "<mask>": "<blank>"}
    ids = {names.get(word, word): index for word, index in vocabulary(SIZE)[0].items()}
    content = byte_level(SIZE).replace(b'"<s>"', b'"<cls>"').replace(b'"<mask>"', b'"<blank>"') if whole else b""
    notes: list[str] = []
    folder = write(tmp_path / "hub", words=ids, whole=content, tokenizer_config=theirs)
    read = ours(folder, notes)
    assert (read.token_to_id("<s>"), read.token_to_id("<mask>")) == (0, SIZE - 1)
    assert (read.token_to_id("<cls>"), read.token_to_id("<blank>")) == (None, None)
    assert len(notes) == 2


def test_berts_special_words_stay(tmp_path: Path) -> None:
    berts = {"<s>": "[CLS]", "</s>": "[SEP]", "<mask>": "[MASK]", "<pad>": "[PAD]", "<unk>": "[UNK]"}
    ids = {berts.get(word, word): index for word, index in vocabulary(SIZE)[0].items()}
    config = {
        f"{role}_token": word for role, word in zip(("cls", "sep", "mask", "pad", "unk"), berts.values(), strict=True)
    }
    folder = write(tmp_path / "hub", words=ids, tokenizer_config=config)
    content = read_byte_level(folder / "vocab.json")
    special = TextTokenizer(content, ModelConfig(name="t", words=SIZE, visual_tokens=4), Limits()).special
    assert (special.cls, special.pad, special.mask) == (0, 1, SIZE - 1)


def test_added_words_keep_their_ids_or_are_refused(tmp_path: Path) -> None:
    read = ours(write(tmp_path / "hub", added_tokens={"zzz": SIZE}))
    assert read.encode("a zzz").ids[-1] == SIZE
    with pytest.raises(ModelError, match="the added word zzz cannot have its id"):
        ours(write(tmp_path / "hub", added_tokens={"zzz": SIZE + 5}))


@pytest.mark.parametrize(
    "words", ["", "[]", "{}", '{"a": "b"}', '{"a": -1}', '{"a": 2147483648}', '{"a": 1, "b": 1}', '{"a": true}', "\xff"]
)
def test_what_is_no_vocabulary_is_refused(tmp_path: Path, words: str) -> None:
    folder = write(tmp_path / "hub")
    (folder / "vocab.json").write_bytes(words.encode("latin-1"))
    with pytest.raises(ModelError):
        ours(folder)


def test_many_added_words_take_time_by_their_number(tmp_path: Path) -> None:
    many = {f"added{number}": SIZE + number for number in range(20_000)}
    began = time.process_time()
    assert ours(write(tmp_path / "hub", added_tokens=many)).token_to_id("added19999") == SIZE + 19_999
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    "added", [[1], [None], [{}], [{"content": 1, "id": 2}], [{"content": [], "id": 2}], [{"content": "a"}]]
)
def test_added_words_that_are_none_are_refused(tmp_path: Path, added: list[object]) -> None:
    whole = json.dumps({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}}, "added_tokens": added}).encode()
    folder = write(tmp_path / "hub", whole=whole, tokenizer_config={"mask_token": "b"})
    with pytest.raises(ModelError, match="from a vocabulary of words and ids only"):
        read_byte_level(folder / "tokenizer.json")


@pytest.mark.parametrize("merges", ["a", "a b c", "zzz yyy", " a", "\udcff"])
def test_merges_that_are_none_are_refused(tmp_path: Path, merges: str) -> None:
    folder = write(tmp_path / "hub")
    (folder / "merges.txt").write_bytes(merges.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError, match=r"merges\.txt|cannot be read"):
        ours(folder)


def test_a_vocabulary_needs_its_merges_and_special_words(tmp_path: Path) -> None:
    ids = vocabulary(SIZE)[0]
    with pytest.raises(ModelError, match=r"lacks special words; got \['<mask>'\]"):
        ours(write(tmp_path / "hub", words={word: index for word, index in ids.items() if word != "<mask>"}))
    folder = write(tmp_path / "hub")
    (folder / "merges.txt").unlink()
    with pytest.raises(ModelError, match=r"no merges\.txt beside vocab\.json"):
        ours(folder)


def test_another_way_to_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not split words as RoBERTa does; got CLIPTokenizer"):
        ours(write(tmp_path / "hub", tokenizer_config={"tokenizer_class": "CLIPTokenizer"}))
    ours(write(tmp_path / "hub", tokenizer_config={"tokenizer_class": "RobertaTokenizerFast"}))


def test_a_file_of_another_kind_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(ModelError, match=r"no byte-level tokenizer; got \.txt"):
        read_byte_level(tmp_path / "vocab.txt")
    with pytest.raises(ModelError, match="cannot be read"):
        read_byte_level(tmp_path / "absent.json")
    folder = write(tmp_path / "hub")
    monkeypatch.setattr("videobert_modeling.importers.shared.byte_level_tokenizer._FILE_BYTES", 10)
    with pytest.raises(ModelError, match="too large"):
        ours(folder)
