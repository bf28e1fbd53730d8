"""Exact nearest centroid: a flat search and the descent of a tree."""

from videobert_kernels.ops.nearest_centroid.launch import nearest_centroid, nearest_centroid_tree
from videobert_kernels.ops.nearest_centroid.pack import PackedCentroids, PackedTree, pack_centroids, pack_tree

__all__ = [
    "PackedCentroids",
    "PackedTree",
    "nearest_centroid",
    "nearest_centroid_tree",
    "pack_centroids",
    "pack_tree",
]
