"""Stages of models that can be got that run on 8-bit values, since that changes none of their answers."""

from __future__ import annotations

from collections.abc import Mapping

from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.int8_ranges import Int8Ranges
from videobert.model.stage_lists import SHOT_BOUNDARIES

# Measured on 24 windows of films by `benchmarks/everyday/int8_shots.py`, which also holds the cuts against fp32's.
KNOWN_INT8: Mapping[str, tuple[Int8Ranges, ...]] = {
    SHOT_BOUNDARIES: (
        Int8Ranges(
            graph="29c98d3fad603bef8e13cfd2dda1775a61e56ab628b555740f733171328e40cc",
            tops={
                "node_MatMul_315": 1.0,
                "node_conv3d": 1.0,
                "node_conv3d_1": -3.3272,
                "node_conv3d_2": -2.359,
                "node_conv3d_3": -2.5382,
                "node_conv3d_4": -3.2566,
                "node_conv3d_5": 11.775,
                "node_conv3d_6": -7.241,
                "node_conv3d_7": -9.7662,
                "node_conv3d_8": -10.353,
                "node_conv3d_9": -9.2945,
                "node_conv3d_10": 16.928,
                "node_conv3d_11": -11.996,
                "node_conv3d_12": -12.389,
                "node_conv3d_13": -15.201,
                "node_conv3d_14": -14.948,
                "node_conv3d_15": 12.251,
                "node_conv3d_16": -8.0883,
                "node_conv3d_17": -8.7579,
                "node_conv3d_18": -9.1617,
                "node_conv3d_19": -8.8603,
                "node_conv3d_20": 11.846,
                "node_conv3d_21": -9.8772,
                "node_conv3d_22": -9.0995,
                "node_conv3d_23": -9.6275,
                "node_conv3d_24": -10.335,
                "node_conv3d_25": 7.1521,
                "node_conv3d_26": -5.133,
                "node_conv3d_27": -5.1203,
                "node_conv3d_28": -5.8325,
                "node_conv3d_29": -4.2642,
                "node_MatMul_206": 4.6027,
                "node_MatMul_251": 1.0,
                "node_MatMul_322": 7.4193,
                "node_MatMul_324": 4.9722,
            },
        ),
    ),
}


def known_int8(folder: ModelFolder) -> dict[str, Int8Ranges]:
    """The ranges of those stages of a model whose graphs are known, by stage."""
    found = {}
    for stage, known in KNOWN_INT8.items():
        name = portable_graph(stage)
        for ranges in known if name in folder else ():
            if ranges.graph == folder.digest(name):
                found[stage] = ranges
    return found
