"""BatchNormalization as one multiplication and one addition per channel, computed from its statistics in float64."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper, shape_inference


def folded(model: ModelProto) -> ModelProto:
    """The graph without BatchNormalization.

    TensorRT turns one whose statistics have another type than its input into twenty layers; as a product and a sum it
    joins the convolution's epilogue. The convolution's weights stay as they are, so that they can be shared.
    """
    out = ModelProto()
    out.CopyFrom(model)
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    inferred = shape_inference.infer_shapes(model, strict_mode=True).graph
    axes = {value.name: len(value.type.tensor_type.shape.dim) for value in (*inferred.value_info, *inferred.output)}
    nodes: list[NodeProto] = []
    for node in out.graph.node:
        if node.op_type != "BatchNormalization":
            nodes.append(node)
            continue
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        gain, bias, mean, variance = (numpy_helper.to_array(values[name]).astype(np.float64) for name in node.input[1:])
        scale = gain / np.sqrt(variance + epsilon)
        made = node.output[0]
        for name, value in ((f"{made}.scale", scale), (f"{made}.shift", bias - mean * scale)):
            # The same for all places of a picture, and all times of a clip.
            channels = value.astype(np.float32).reshape(-1, *[1] * (axes[made] - 2))
            out.graph.initializer.append(numpy_helper.from_array(channels, name))
        nodes.append(helper.make_node("Mul", [node.input[0], f"{made}.scale"], [f"{made}.scaled"]))
        nodes.append(helper.make_node("Add", [f"{made}.scaled", f"{made}.shift"], [made]))
    copied = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del out.graph.node[:]
    out.graph.node.extend(copied)
    used = {name for node in copied for name in node.input}
    kept = [tensor for tensor in out.graph.initializer if tensor.name in used]
    del out.graph.initializer[:]
    out.graph.initializer.extend(kept)
    return out
