"""BERT's tokenizer files, switch by switch, against transformers' own reading of the same folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import BertTokenizer

from videobert.base.errors import ModelError
from videobert.base.limits import Limits
from videobert.model.config import ModelConfig
from videobert.text.reader import TextTokenizer
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.shared.tokenizer import find_tokenizer, read_tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "circle", "##s", "a", "ä", "cafe", "café", "mochte", "möchte", "Café", "MÖCHTE", "red", ".", "+", "c"]
WORDS += ["c++", "中", "文", "中文", "##文", "##ü"]
TEXTS = [
    "Café möchte",
    "CAFÉ MÖCHTE the circles.",
    "c++ red",
    "中文 red中",
    "",
    "e\u0301 a\u0308 Cafe\u0301",
    "[MASK] zz",
]


def write(folder: Path, words: list[str] | None = None, **files: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(SPECIAL + WORDS if words is None else words) + "\n", encoding="utf-8")
    for name, fields in files.items():
        (folder / f"{name}.json").write_text(json.dumps(fields), encoding="utf-8")
    return folder


def ours(folder: Path, notes: list[str] | None = None) -> Tokenizer:
    return Tokenizer.from_str(read_tokenizer(find_tokenizer(folder), notes).decode())


def same(folder: Path, texts: list[str] = TEXTS) -> None:
    read, theirs = ours(folder), BertTokenizer.from_pretrained(str(folder))
    for text in texts:
        found = read.encode(text, add_special_tokens=False).ids
        assert found == theirs.encode(text, add_special_tokens=False), (text, read.encode(text).tokens)


@pytest.mark.parametrize("lower", [True, False, None], ids=lambda value: f"lower-{value}")
@pytest.mark.parametrize("accents", [True, False, None, "unsaid"], ids=lambda value: f"accents-{value}")
@pytest.mark.parametrize("chinese", [True, False, None], ids=lambda value: f"chinese-{value}")
def test_switches_are_read_as_in_transformers(tmp_path: Path, lower: Any, accents: Any, chinese: Any) -> None:
    said = {"do_lower_case": lower, "tokenize_chinese_chars": chinese}
    config = {name: value for name, value in said.items() if value is not None}
    if accents != "unsaid":
        config["strip_accents"] = accents
    same(write(tmp_path / "hub", tokenizer_config=config))


def test_accents_stay_where_the_source_keeps_them(tmp_path: Path) -> None:
    folder = write(tmp_path / "hub", tokenizer_config={"do_lower_case": True, "strip_accents": False})
    assert ours(folder).encode("Café möchte").tokens == ["café", "möchte"]
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    assert ours(folder).encode("Café möchte").tokens == ["cafe", "mochte"]


@pytest.mark.parametrize(
    "config", [{"do_basic_tokenize": False}, {"never_split": ["c++"]}], ids=["do_basic_tokenize", "never_split"]
)
def test_switches_without_effect_are_told(tmp_path: Path, config: dict[str, Any]) -> None:
    folder = write(tmp_path / "hub", tokenizer_config=config)
    same(folder)
    notes: list[str] = []
    ours(folder, notes)
    assert len(notes) == 1
    assert next(iter(config)) in notes[0]
    write(folder, tokenizer_config={"do_basic_tokenize": True, "never_split": None})
    ours(folder, notes)
    assert len(notes) == 1


MINE = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
AS_OBJECT = {**MINE, "mask_token": {"content": "<mask>", "__type": "AddedToken", "lstrip": False, "normalized": False}}


@pytest.mark.parametrize("config", [MINE, AS_OBJECT], ids=["text", "object"])
@pytest.mark.parametrize("place", ["tokenizer_config", "special_tokens_map"])
@pytest.mark.parametrize("kind", ["vocab.txt", "tokenizer.json"])
def test_special_words_of_other_names_keep_their_ids(tmp_path: Path, config: Any, place: str, kind: str) -> None:
    files = {"tokenizer_config": {}, place: config}
    folder = write(tmp_path / "hub", [*MINE.values(), *WORDS], **files)
    theirs = BertTokenizer.from_pretrained(str(folder))
    if kind == "tokenizer.json":
        (folder / kind).write_text(theirs.backend_tokenizer.to_str(), encoding="utf-8")
        (folder / "vocab.txt").unlink()
    notes: list[str] = []
    content = read_tokenizer(find_tokenizer(folder), notes)
    words = len(theirs)
    read = TextTokenizer(content, ModelConfig(name="t", words=words, visual_tokens=1), Limits())
    special = read.special
    expected = (theirs.cls_token_id, theirs.sep_token_id, theirs.mask_token_id, theirs.pad_token_id)
    assert (special.cls, special.sep, special.mask, special.pad) == expected
    assert special.unknown == theirs.unk_token_id
    assert read.encode("the red zz") == theirs.encode("the red zz", add_special_tokens=False)
    assert any("<mask> is called [MASK] here" in note for note in notes)


def test_a_word_that_has_a_special_words_name_gives_it_up(tmp_path: Path) -> None:
    folder = write(tmp_path / "hub", [*SPECIAL, "<s>", *WORDS], tokenizer_config={"cls_token": "<s>"})
    vocabulary = ours(folder).get_vocab()
    assert (vocabulary["[CLS]"], vocabulary["<s>"]) == (5, 2)
    write(folder, [*SPECIAL, *WORDS], tokenizer_config={"cls_token": "[SEP]", "sep_token": "[CLS]"})
    assert (ours(folder).get_vocab()["[CLS]"], ours(folder).get_vocab()["[SEP]"]) == (3, 2)


@pytest.mark.parametrize(
    "config", [{"cls_token": "<s>"}, {"cls_token": "[SEP]"}, {"cls_token": "the", "sep_token": "the"}], ids=str
)
def test_special_words_that_are_not_there_or_are_two_are_refused(tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="special words that the vocabulary lacks, or one word for two"):
        ours(write(tmp_path / "hub", tokenizer_config=config))


@pytest.mark.parametrize("place", ["tokenizer_config", "added_tokens"])
def test_words_beyond_the_vocabulary_keep_their_ids(tmp_path: Path, place: str) -> None:
    first = len(SPECIAL + WORDS)
    flags = {"special": False, "lstrip": False, "rstrip": False, "single_word": False, "normalized": True}
    if place == "added_tokens":
        files: dict[str, Any] = {place: {"newword": first, "other": first + 1}}
    else:
        added = {str(first + i): {"content": word, **flags} for i, word in enumerate(("newword", "other"))}
        files = {place: {"added_tokens_decoder": added}}
    folder = write(tmp_path / "hub", **files)
    same(folder, ["the newword red", "NEWWORD other", *TEXTS])
    assert ours(folder).get_vocab()["other"] == first + 1


def test_an_added_word_whose_id_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"newword cannot have its id; got id 90 .*allowed: id 26, the next one"):
        ours(write(tmp_path / "hub", added_tokens={"newword": 90}))


class TestBothFiles:
    """A `tokenizer.json` wins over `vocab.txt`; what the configuration says wins over its normalizer, and is told."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = write(tmp_path / "hub", tokenizer_config={})
        (folder / "tokenizer.json").write_bytes(read_tokenizer(folder / "vocab.txt"))
        write(folder, [*SPECIAL, *reversed(WORDS)])
        return folder

    def test_json_wins_over_the_vocabulary(self, folder: Path) -> None:
        same(folder)
        assert ours(folder).get_vocab()["the"] == len(SPECIAL)

    @pytest.mark.parametrize(
        "config",
        [
            {"strip_accents": False},
            {"do_lower_case": False},
            {"tokenize_chinese_chars": False},
            {"do_lower_case": False, "strip_accents": True},
        ],
        ids=str,
    )
    def test_a_switch_that_contradicts_it_holds_and_is_told(self, folder: Path, config: dict[str, Any]) -> None:
        write(folder, tokenizer_config=config)
        same(folder)
        notes: list[str] = []
        ours(folder, notes)
        assert len(notes) == len(config)
        for name, note in zip(config, notes, strict=True):
            assert f"tokenizer_config.json says {name}" in note
            assert "the first holds" in note

    @pytest.mark.parametrize("config", [{}, {"do_lower_case": True, "strip_accents": None}], ids=str)
    def test_the_same_settings_change_nothing(self, folder: Path, config: dict[str, Any]) -> None:
        write(folder, tokenizer_config=config)
        notes: list[str] = []
        assert read_tokenizer(folder / "tokenizer.json", notes) == (folder / "tokenizer.json").read_bytes()
        assert notes == []

    def test_a_class_that_takes_it_as_it_is_has_no_switches(self, folder: Path) -> None:
        write(folder, tokenizer_config={"do_lower_case": False, "tokenizer_class": "PreTrainedTokenizerFast"})
        assert read_tokenizer(folder / "tokenizer.json") == (folder / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("kind", ["BertJapaneseTokenizer", "XLMRobertaTokenizer", "BasicTokenizer"])
def test_a_list_of_words_that_another_class_splits_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ModelError, match=f"does not split words as BERT does; got {kind}"):
        ours(write(tmp_path / "hub", tokenizer_config={"tokenizer_class": kind}))
    for known in ("BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", None):
        ours(write(tmp_path / "hub", tokenizer_config={"tokenizer_class": known}))


@pytest.mark.parametrize(
    "config",
    [
        {"do_lower_case": "yes"},
        {"strip_accents": 1},
        {"tokenize_chinese_chars": []},
        {"cls_token": 3},
        {"cls_token": {}},
        {"tokenizer_class": 7},
        {"added_tokens_decoder": []},
        {"added_tokens_decoder": {"x": {"content": "a"}}},
        {"added_tokens_decoder": {"26": "a"}},
        {"added_tokens_decoder": {"26": {"content": ""}}},
        [],
        3,
    ],
    ids=str,
)
def test_odd_settings_are_typed_errors(tmp_path: Path, config: Any) -> None:
    with pytest.raises(ModelError, match="beside the tokenizer cannot be used"):
        ours(write(tmp_path / "hub", tokenizer_config=config))


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=lambda text: repr(text[:9]))
@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"])
def test_a_damaged_file_beside_the_vocabulary_is_named(tmp_path: Path, name: str, text: bytes) -> None:
    folder = write(tmp_path / "hub")
    (folder / name).write_bytes(text)
    with pytest.raises(ModelError, match=f"{name} beside the tokenizer cannot be read"):
        ours(folder)


class TestFit:
    """The tokenizer and the table of words that comes with it."""

    @pytest.mark.parametrize("count", [5, 30, 59, 61, 120])
    def test_another_number_of_words_than_the_table_is_refused(
        self, tmp_path, bert_folder, bert_state, small_s3d_file, count
    ):
        folder = bert_folder(bert_state)  # 60 rows
        (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *(f"x{i}" for i in range(count - 5))]) + "\n")
        with pytest.raises(ModelError, match=r"(more|fewer) words than the model; got \d+; allowed: 60"):
            import_checkpoint("bert", folder, tmp_path / "out", visual_tokens=7, backbone=small_s3d_file)
        assert not (tmp_path / "out").exists()

    def test_a_table_that_a_trainer_padded_fits(self):
        def read(words: int, rows: int) -> TextTokenizer:
            vocabulary = {word: index for index, word in enumerate([*SPECIAL, *(f"x{i}" for i in range(words - 5))])}
            from tokenizers import models

            content = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]")).to_str().encode()
            return TextTokenizer(content, ModelConfig(name="t", words=rows, visual_tokens=1), Limits())

        for words, rows in ((60, 60), (60, 64), (30_522, 30_528), (50, 128)):
            assert read(words, rows).answers.sum() == words - 5
        for words, rows in ((60, 61), (60, 72), (60, 256), (30_522, 30_720), (61, 60)):
            with pytest.raises(ModelError, match="words than the model"):
                read(words, rows)
        with pytest.raises(ModelError, match="no words; got 5 words, all of them special"):
            read(5, 8)
