"""Export of a model folder to ONNX graphs."""

from __future__ import annotations

from videobert.model.manifest import write_manifest
from videobert_modeling.export.low_precision.engine_graphs import EngineGraph, export_engine_graphs
from videobert_modeling.export.portable.folder import ExportedGraph, export_folder

__all__ = ["EngineGraph", "ExportedGraph", "export_engine_graphs", "export_folder", "write_manifest"]
