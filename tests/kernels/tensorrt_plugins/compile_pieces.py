"""Compiles every plugin's kernel for one architecture and lets ptxas assemble it; prints one JSON line for each.

usage: python compile_pieces.py CAPABILITY [PIECE ...]
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from triton import knobs

from videobert_kernels.compile.architectures import architecture
from videobert_kernels.tensorrt_plugins import pieces
from videobert_kernels.tensorrt_plugins.machine_code import PLAIN_SHARED_BYTES, plugin_code

capability = int(sys.argv[1])
every = {
    "prepare": pieces.prepare("fp32", 1024, -3, capability),
    "search_few": pieces.search(16, 20736, 1024, capability),
    "search_many": pieces.search(1000, 20736, 1024, capability),
    "rescore": pieces.rescore("bf16", 1000, 20736, 1024, capability),
    "attention_short": pieces.attention("fp16", 64, False, 32, capability),
    "attention_causal": pieces.attention("bf16", 64, True, 512, capability),
    "attention_wide": pieces.attention("fp16", 128, False, 512, capability),
    "attention_fp32": pieces.attention("fp32", 64, False, 512, capability),
}
for name in sys.argv[2:] or every:
    piece = every[name]
    for limit in (PLAIN_SHARED_BYTES, architecture(capability).shared_bytes):
        code = plugin_code(piece.candidates, capability, limit)
        nvidia = knobs.nvidia
        tool = nvidia.ptxas_blackwell.path if capability >= 100 else nvidia.ptxas.path
        with tempfile.TemporaryDirectory() as place:
            path = Path(place, "kernel.ptx")
            path.write_text(code.ptx)
            target = f"-arch=sm_{capability}{'a' if capability >= 90 else ''}"
            done = subprocess.run(
                [tool, target, "-v", str(path), "-o", str(path.with_suffix(".cubin"))], capture_output=True, text=True
            )
        declared = re.search(r"\.entry\s+\w+\(([^)]*)\)", code.ptx)
        threads = re.search(r"\.reqntid (\d+)", code.ptx)
        said = {
            "piece": name,
            "limit": limit,
            "shared": code.shared_bytes,
            "preferred": code.variant == piece.candidates[0],
            "arguments": dict(code.variant.arguments),
            "parameters": declared.group(1).split(",") if declared else None,
            "threads": code.threads,
            "required_threads": int(threads.group(1)) if threads else None,
            "ptxas": done.returncode,
            "message": done.stderr,
        }
        print(json.dumps(said))
