"""Sentences to vectors with MiniLM's weights, from the text to the vector of length one."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.bert import bert_model
from benchmarks.peers.case import Absent, Case, Contender, Measure, Prepared, Setting, versions
from benchmarks.peers.models import folder_of, plain_precision, stages
from videobert.model.graph_files import portable_graph

if TYPE_CHECKING:
    from videobert.model.folder import ModelFolder

_STAGE = "text_encoder"
_SENTENCES = (
    "someone drives down a street",
    "two men are arm wrestling at a table while others watch them",
    "a red bird sits on a branch",
    "people are playing cricket on a field in front of a small crowd on a sunny afternoon",
)
Vectors = npt.NDArray[np.float32]
Answer = tuple[tuple[str, ...], Vectors]
# bf16 of six layers comes to 0.9998; another pooling, or a token too few, to less than 0.99.
_LEAST = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What the peers are given.

    Args:
        folder: `everyday`, whose text encoder is MiniLM.
        checkpoint: the same weights as transformers saves them.
        count: how many sentences are asked at a time.
        threads: most threads.
    """

    folder: ModelFolder
    checkpoint: Path
    count: int
    threads: int
    asked: Iterator[int] = field(default_factory=itertools.count)

    def fresh(self) -> tuple[str, ...]:
        """Sentences that nobody was asked before: a text that was read already costs ours nothing again."""
        return tuple(f"{_SENTENCES[place % len(_SENTENCES)]} {next(self.asked)}" for place in range(self.count))

    def tokenizer(self) -> Any:
        """Words to ids, padded to the longest of a call."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder.root / "tokenizer.json"))
        tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"), pad_token="[PAD]")
        return tokenizer


def checkpoint(folder: ModelFolder, place: Path) -> Path:
    """The text encoder as a folder of transformers and of sentence-transformers; made once."""
    if not place.exists():
        from transformers import PreTrainedTokenizerFast

        partial = place.with_name(f".{place.name}")
        shutil.rmtree(partial, ignore_errors=True)
        (encoder,) = (
            part
            for part in stages(folder)[_STAGE].modules()
            if {"tokens", "layers"} <= {name for name, _ in part.named_children()}
        )
        bert_model(encoder).save_pretrained(partial)
        PreTrainedTokenizerFast(
            tokenizer_file=str(folder.root / "tokenizer.json"),
            model_max_length=512,
            **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
        ).save_pretrained(partial)
        partial.rename(place)
    return place


def pooled(states: Any, kept: Any) -> Vectors:
    """Means of the states of words, `(n, length, width)`, of length one."""
    kept = np.asarray(kept, np.float32)[..., None]
    means = (np.asarray(states, np.float32) * kept).sum(1) / kept.sum(1)
    unit: Vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    return unit


def _encoded(texts: Texts) -> Callable[[tuple[str, ...]], tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    tokenizer = texts.tokenizer()

    def encode(sentences: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        found = tokenizer.encode_batch(list(sentences))
        return np.array([one.ids for one in found]), np.array([one.attention_mask for one in found])

    return encode


def _asking(texts: Texts, read: Callable[[tuple[str, ...]], Vectors]) -> Callable[[], Answer]:
    def call() -> Answer:
        sentences = texts.fresh()
        return sentences, read(sentences)

    return call


def transformers_peer(texts: Texts, dtype: str) -> Contender:
    """See `_transformers`."""
    return Contender(version=versions("transformers", "torch"), call=_asking(texts, _transformers(texts, dtype)))


def _transformers(texts: Texts, dtype: str) -> Callable[[tuple[str, ...]], Vectors]:
    """`AutoModel` and its tokenizer, in one padded batch."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(texts.threads)
    tokenizer = AutoTokenizer.from_pretrained(texts.checkpoint)
    model = AutoModel.from_pretrained(texts.checkpoint, add_pooling_layer=False).eval()
    model = model.to(torch.bfloat16 if dtype == "bf16" else torch.float32)

    def read(sentences: tuple[str, ...]) -> Vectors:
        batch = tokenizer(list(sentences), padding=True, return_tensors="pt")
        with torch.inference_mode():
            states = model(**batch).last_hidden_state.float().numpy()
        return pooled(states, batch["attention_mask"].numpy())

    return read


def sentence_transformers_peer(texts: Texts) -> Contender:
    """`SentenceTransformer.encode`, as its users call it."""
    import torch
    from sentence_transformers import SentenceTransformer, models

    torch.set_num_threads(texts.threads)
    words = models.Transformer(str(texts.checkpoint))
    model = SentenceTransformer(
        modules=[words, models.Pooling(words.get_embedding_dimension(), "mean"), models.Normalize()], device="cpu"
    )

    def read(sentences: tuple[str, ...]) -> Vectors:
        found: Vectors = model.encode(list(sentences), show_progress_bar=False)
        return found

    return Contender(version=versions("sentence-transformers", "torch"), call=_asking(texts, read))


def onnxruntime_peer(texts: Texts) -> Contender:
    """ONNX Runtime on our portable graph, in fp32."""
    from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library

    onnxruntime = onnxruntime_library()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = texts.threads, 3
    session = onnxruntime.InferenceSession(
        texts.folder.read(portable_graph(_STAGE)), options, providers=["CPUExecutionProvider"]
    )
    encode = _encoded(texts)

    def read(sentences: tuple[str, ...]) -> Vectors:
        ids, kept = encode(sentences)
        return pooled(session.run(None, {"ids": ids, "lengths": kept.sum(1)})[0], kept)

    return Contender(version=versions("onnxruntime"), call=_asking(texts, read))


def ctranslate2_peer(texts: Texts, compute: str) -> Contender:
    """CTranslate2's `Encoder` on the converted checkpoint."""
    import ctranslate2
    from ctranslate2.converters import TransformersConverter

    converted = texts.checkpoint.with_name(f"{texts.checkpoint.name}-ctranslate2")
    if not converted.exists():
        TransformersConverter(str(texts.checkpoint)).convert(str(converted))
    try:
        encoder = ctranslate2.Encoder(str(converted), compute_type=compute, intra_threads=texts.threads)
    except ValueError as error:
        # It has some types for some processors only.
        raise Absent(str(error)) from error
    encode = _encoded(texts)

    def read(sentences: tuple[str, ...]) -> Vectors:
        ids, kept = encode(sentences)
        lists = [row[:count].tolist() for row, count in zip(ids, kept.sum(1), strict=True)]
        return pooled(np.array(encoder.forward_batch(lists).last_hidden_state), kept)

    return Contender(version=versions("ctranslate2"), call=_asking(texts, read), note=compute)


PEERS = {
    "transformers, fp32": lambda texts: transformers_peer(texts, "fp32"),
    "transformers, bf16": lambda texts: transformers_peer(texts, "bf16"),
    "sentence-transformers, fp32": sentence_transformers_peer,
    "ONNX Runtime, fp32": onnxruntime_peer,
    "CTranslate2, fp32": lambda texts: ctranslate2_peer(texts, "float32"),
    "CTranslate2, bf16": lambda texts: ctranslate2_peer(texts, "bfloat16"),
    "CTranslate2, int8": lambda texts: ctranslate2_peer(texts, "int8"),
}


def _prepared(count: int) -> Callable[[Setting], Prepared]:
    def prepare(setting: Setting) -> Prepared:
        import videobert

        folder = folder_of("everyday", setting)
        texts = Texts(
            folder=folder,
            checkpoint=checkpoint(folder, setting.scratch / "minilm"),
            count=count,
            threads=setting.threads,
        )
        exact = _transformers(texts, "fp32")
        model = videobert.load(
            folder.root,
            cache_dir=setting.scratch / "compiled",
            threads=setting.threads,
            precision=plain_precision(),
        )

        def cosine(answer: Answer) -> float:
            sentences, vectors = answer
            wanted = exact(sentences)
            return float((vectors * wanted).sum(1).min()) if np.shape(vectors) == wanted.shape else 0.0

        def read(sentences: tuple[str, ...]) -> Vectors:
            return np.stack([each.vector for each in model.embed(text=sentences)])

        return Prepared(
            ours=Contender(
                version=f"{model.origin.engine} {model.origin.precision}",
                call=_asking(texts, read),
            ),
            measure=Measure(name="least cosine to transformers in float32", limit=_LEAST, better="more"),
            judge=cosine,
            inputs=texts,
            close=model.close,
        )

    return prepare


def cases() -> list[Case]:
    """One sentence, and 32."""
    return [
        Case(
            name=f"sentences/{count}",
            what=f"{count} sentence{'s' if count > 1 else ''}, MiniLM",
            prepare=_prepared(count),
            peers=PEERS,
        )
        for count in (1, 32)
    ]
