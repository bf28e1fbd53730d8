"""A copy of a model folder with one weight of one layer disturbed, and a manifest that knows of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from videobert.base.openvino_core import openvino_core
from videobert.model.graph_files import portable_graph


def plant(folder: Path, copy: Path, stage: str, *, which: float = 0.5, by: float = 2.0) -> str:
    """Disturb a weight of the product that lies so far through the stage; returns the node's name.

    Args:
        which: 0 is the first product of the graph, 1 the last.
        by: what is added, in the largest magnitudes of those weights.
    """
    shutil.copytree(folder, copy)
    name = portable_graph(stage)
    content = (copy / name).read_bytes()
    products = [
        (op, constant)
        for op in openvino_core().read_model(content).get_ordered_ops()
        if op.get_type_name() in ("Convolution", "MatMul") and (constant := _weights(op)) is not None
    ]
    op, constant = products[round(which * (len(products) - 1))]
    values = np.array(constant.get_data())
    at = content.index(values.tobytes())
    # In the middle of each axis: a tap at the edge of a kernel may see padding alone. More of something that is not
    # negative, as it is behind a ReLU, does not end in the next one.
    values[tuple(size // 2 for size in values.shape)] += by * np.abs(values).max()
    content = content[:at] + values.tobytes() + content[at + values.nbytes :]
    (copy / name).write_bytes(content)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    found: str = op.get_friendly_name()
    return found


def _weights(op: Any) -> Any | None:
    node = op.input_value(1).get_node()
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return node if node.get_type_name() == "Constant" else None
