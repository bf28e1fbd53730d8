"""BERT in large widths, in shards, in sixteen bits, against transformers through every CPU engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from videobert.base.errors import ModelError
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.torch_engine import TorchEngine
from videobert.model.folder import ModelFolder
from videobert_modeling.export import export_folder
from videobert_modeling.importers import import_checkpoint

WORDS = 60
LARGE = {
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 40,
    "vocab_size": WORDS,
}


def hub(folder: Path, dtype: torch.dtype, layers: int = 1, **changed: Any) -> Path:
    """A masked-word model as transformers saves it in shards, with a vocabulary."""
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    config = BertConfig(**LARGE | {"num_hidden_layers": layers} | changed)
    theirs = BertForMaskedLM(config)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * (0.2 if "bias" in name or "LayerNorm" in name else 0.05))
    theirs.to(dtype).save_pretrained(folder, max_shard_size="10MB" if layers < 24 else "200MB")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(config.vocab_size - 5))]
    (folder / "vocab.txt").write_text("\n".join(words))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_s3d_file: Path) -> Path:
    root = tmp_path_factory.mktemp("large")
    source = hub(root / "hub", torch.bfloat16)
    assert len(list(source.glob("model-*.safetensors"))) > 2
    import_checkpoint("bert", source, root / "out", visual_tokens=8, backbone=small_s3d_file, dtype="float32")
    export_folder(root / "out", text_only=True)
    return root / "out"


@pytest.fixture(scope="module", params=["torch", "openvino"])
def engine(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    opened, options = ModelFolder(folder), EngineOptions(precision="fp32", cache_dir=tmp_path_factory.mktemp("cache"))
    return TorchEngine(opened, "cpu", options) if request.param == "torch" else OpenVinoEngine(opened, options)


LENGTHS = np.array([40, 17, 1])
INSIDE = np.arange(40) < LENGTHS[:, None]
IDS = np.random.default_rng(1).integers(5, WORDS, (3, 40))
SEGMENTS = np.random.default_rng(2).integers(0, 2, (3, 40))


def theirs(source: Path, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
    from transformers import BertForMaskedLM

    network = BertForMaskedLM.from_pretrained(source, dtype=dtype).eval()
    given = {
        "input_ids": torch.from_numpy(IDS),
        "token_type_ids": torch.from_numpy(SEGMENTS),
        "attention_mask": torch.from_numpy(INSIDE.astype(np.int64)),
    }
    with torch.no_grad():
        return (
            network.bert(**given).last_hidden_state.double().numpy()[INSIDE],
            network(**given).logits.double().numpy()[INSIDE],
        )


def ours(engine: Engine) -> tuple[np.ndarray, np.ndarray]:
    states = engine.run("encoder", ids=IDS, segments=SEGMENTS, lengths=LENGTHS)[INSIDE]
    return states, engine.run("text_head", states=np.ascontiguousarray(states))


def test_states_and_logits_are_those_of_transformers(engine: Engine, folder: Path) -> None:
    expected = theirs(folder.parent / "hub", torch.float64)
    for found, right, bar in zip(ours(engine), expected, (1e-5, 1e-4), strict=True):
        assert right.std() > 0.1
        assert np.abs(found - right).max() <= bar * max(1, np.abs(right).max())


def test_bf16_errs_at_most_twice_as_torch_does(folder: Path, cpu_engines_in_bf16: Any) -> None:
    exact, plain = (theirs(folder.parent / "hub", kind) for kind in (torch.float64, torch.bfloat16))
    for engine in cpu_engines_in_bf16(folder):
        for found, right, rounded in zip(ours(engine), exact, plain, strict=True):
            assert np.abs(found - right).max() <= 2 * np.abs(rounded - right).max()


def test_a_lost_shard_and_a_config_of_another_size_are_refused(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "hub"
    source.mkdir()
    for path in (folder.parent / "hub").iterdir():
        (source / path.name).symlink_to(path)
    fields = json.loads((source / "config.json").read_text())
    (source / "config.json").unlink()
    (source / "config.json").write_text(json.dumps(fields | {"num_hidden_layers": 2}))
    with pytest.raises(ModelError, match="num_hidden_layers; got 2; allowed: 1"):
        import_checkpoint("bert", source, tmp_path / "out", visual_tokens=8)
    sorted(source.glob("model-*.safetensors"))[1].unlink()
    with pytest.raises(ModelError, match=r"a shard that .* names does not exist"):
        import_checkpoint("bert", source, tmp_path / "out", visual_tokens=8)


def test_bf16_that_float16_cannot_hold_is_refused_with_the_way_out(tmp_path: Path, bert_folder: Any, bert_state: Any):
    state = {name: tensor.to(torch.bfloat16) for name, tensor in bert_state.items()}
    state["bert.encoder.layer.0.output.dense.weight"] *= 2.0**20
    with pytest.raises(ModelError, match=r"does not fit float16.*--dtype float32"):
        import_checkpoint("bert", bert_folder(state), tmp_path / "out", visual_tokens=8)
    import_checkpoint("bert", bert_folder(state), tmp_path / "out", visual_tokens=8, dtype="float32")


@pytest.mark.slow
def test_the_published_size_takes_little_more_memory_than_its_weights(tmp_path: Path) -> None:
    """BERT-large, 335 million values in bf16 shards: below three times their size in float32."""
    source = hub(tmp_path / "hub", torch.bfloat16, 24, vocab_size=30_522, max_position_embeddings=512)
    run = (
        "import sys; from videobert_modeling.importers import import_checkpoint as read\n"
        "read('bert', sys.argv[1], sys.argv[2], visual_tokens=8)\n"
        # Of this process alone: what the system adds up of children knows those of other tests.
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    told = subprocess.run(
        [sys.executable, "-c", run, source, tmp_path / "out"], check=True, stdout=subprocess.PIPE, text=True
    )
    peak = int(told.stdout.split()[-1]) * 1024
    config = json.loads((tmp_path / "out" / "config.json").read_text())["encoder"]
    assert (config["layers"], config["width"], config["heads"], config["feed_forward"]) == (24, 1024, 16, 4096)
    assert peak <= 3 * 4 * 336_000_000
