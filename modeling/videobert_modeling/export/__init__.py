"""Export of a model folder to ONNX graphs."""

from __future__ import annotations

from videobert_modeling.export.folder import ExportedGraph, export_folder
from videobert_modeling.export.manifest import write_manifest

__all__ = ["ExportedGraph", "export_folder", "write_manifest"]
