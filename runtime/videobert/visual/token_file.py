"""The small file that keeps visual tokens: 3 or 4 bytes a clip, about 7 KB for an hour.

A `.vbt` file is: 8 bytes of magic, a uint32 length, that many bytes of JSON (what the tokens belong to and their
times), `count` uint16 token ids, `count` uint8 percentiles in half points, and the first 16 bytes of the sha256 of
all that comes before. All numbers are little-endian. Where the JSON has `"scores": true`, the bytes are probabilities
in half per cent, and `count` bytes follow that are 1 where the model is sure of a token, else 0.

That is version 1, the last byte of the magic. Version 2 is for tokens whose cuts are known: its JSON has `"cuts"`, how
many there are, and as many float64 follow, the times at which shots begin. Both are read, and tokens whose cuts nobody
knows are written as version 1.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from videobert.base.arguments import described
from videobert.base.atomic import write_atomically
from videobert.base.errors import InputError
from videobert.base.rational import rational
from videobert.model.recipe import STRIDES
from videobert.visual.codebook import ASSIGNMENTS
from videobert.visual.cuts import MOST_CUTS, are_cuts
from videobert.visual.grid import LONGEST_CLIP_S, MOST_PADDED_FRAMES

Made = TypeVar("Made")

SUFFIX = ".vbt"
_MAGIC = b"VBTOKEN\x01"
_MAGIC_WITH_CUTS = b"VBTOKEN\x02"
_MAGICS = (_MAGIC, _MAGIC_WITH_CUTS)
_DIGEST_BYTES = 16
_HEADER_BYTES = 4096
_MAX_TOKENS = 10_000_000
_MOST_HALF_POINTS = 200
# Files that were saved before precisions had one vocabulary.
_OLD_PRECISIONS = {"f32": "fp32"}
_HEADER = {
    "model": str,
    "codebook": str,
    "clip_recipe": str,
    "engine": str,
    "precision": str,
    "assignment": str,
    "clip_s": str,
    "stride": int,
    "first_s": float,
    "end_s": float,
    "padded_frames": int,
    "count": int,
}
_SCORES = "scores"
_CUTS = "cuts"
_CUT_BYTES = 8


def content_of(tokens: Any) -> bytes:
    """The content of a file of `VisualTokens`, of which there is one at least.

    What no file can hold is not looked for here: an id above 65,535, or times off the grid, come back as others.
    """
    header = {
        "model": tokens.model,
        "codebook": tokens.codebook,
        "clip_recipe": tokens.clip_recipe,
        "engine": tokens.engine,
        "precision": tokens.precision,
        "assignment": tokens.assignment,
        "clip_s": str(tokens.clip_s),
        "stride": tokens.stride,
        "first_s": float(tokens.start_s[0]),
        "end_s": float(tokens.end_s[-1]),
        "padded_frames": tokens.padded_frames,
        "count": len(tokens),
    }
    judged = tokens.percentiles
    sure = b""
    if judged is None:
        header[_SCORES] = True
        judged, sure = tokens.scores * np.float32(100), tokens.sure.astype(np.uint8).tobytes()
    magic, cuts = _MAGIC, b""
    if tokens.cuts_s is not None:
        magic, header[_CUTS], cuts = _MAGIC_WITH_CUTS, len(tokens.cuts_s), tokens.cuts_s.astype("<f8").tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    half_points = np.clip(np.round(judged * 2), 0, _MOST_HALF_POINTS).astype(np.uint8).tobytes()
    body = magic + struct.pack("<I", len(text)) + text + tokens.ids.astype("<u2").tobytes() + half_points + sure + cuts
    content: bytes = body + hashlib.sha256(body).digest()[:_DIGEST_BYTES]
    return content


def parse(content: bytes, make: Callable[..., Made]) -> Made:
    """What `make` makes of the fields that `VisualTokens.on_grid` takes, in the content of an untrusted file.

    Raises:
        InputError: damaged, or not a token file.
    """
    try:
        # Of a number, `bytes` would make so many zeros.
        whole_file = bytes(memoryview(content))
    except (TypeError, ValueError) as error:  # no bytes, or released
        raise _damaged(described(content)) from error
    header, payload = _split(whole_file)
    count = header["count"]
    points = np.frombuffer(payload, np.uint8, count, 2 * count).astype(np.float32) * np.float32(0.5)
    judged: dict[str, Any] = {"percentiles": points}
    if header.get(_SCORES):
        judged = {"scores": points / np.float32(100)}
        judged["sure"] = np.frombuffer(payload, np.uint8, count, 3 * count).astype(np.bool_)
    if _CUTS in header:
        start = _token_bytes(header)
        judged["cuts_s"] = np.frombuffer(payload[start:], "<f8").astype(np.float64)
        if not are_cuts(judged["cuts_s"]):
            raise _damaged("cuts that are no rising times")
    return make(
        first_s=header["first_s"],
        last_end_s=header["end_s"],
        **judged,
        ids=np.frombuffer(payload, "<u2", count).astype(np.int32),
        padded_frames=header["padded_frames"],
        stride=header["stride"],
        clip_s=rational(header["clip_s"]),
        model=header["model"],
        codebook=header["codebook"],
        clip_recipe=header["clip_recipe"],
        assignment=header["assignment"],
        engine=header["engine"],
        precision=_OLD_PRECISIONS.get(header["precision"], header["precision"]),
    )


def write(path: Path, content: bytes) -> None:
    """Write the content of a token file; it appears whole or not at all.

    Raises:
        InputError: the path cannot be written.
    """
    try:
        write_atomically(path, lambda file: file.write_bytes(content))
    except (OSError, ValueError) as error:
        raise InputError(
            "the token file cannot be written",
            seen=f"{path} ({getattr(error, 'strerror', None) or error})",
            fix="Check the path and that its folder is there.",
        ) from error


def read(path: Path) -> bytes:
    """The content of a file, no more of it than a token file may have.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(most_bytes() + 1)
    except (OSError, ValueError) as error:
        raise InputError("the token file cannot be read", seen=str(error), fix="Check the path.") from error


def is_token_file(path: Path) -> bool:
    """Whether a path is meant as a token file: by its suffix, or by its first bytes."""
    if path.suffix.lower() == SUFFIX:
        return True
    try:
        # Only ordinary files: reading a pipe would take bytes from whoever reads it next.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with path.open("rb") as file:
            return begins_as_token_file(file.read(len(_MAGIC)))
    except (OSError, ValueError):
        return False


def begins_as_token_file(head: bytes) -> bool:
    """Whether a file that begins with `head`, 8 bytes at least, is a token file."""
    return head.startswith(_MAGICS)


def most_bytes() -> int:
    """Size of the largest token file that is read."""
    return len(_MAGIC) + 4 + _HEADER_BYTES + 4 * _MAX_TOKENS + _CUT_BYTES * MOST_CUTS + _DIGEST_BYTES


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    start = len(_MAGIC) + 4
    magic = content[: len(_MAGIC)]
    if magic not in _MAGICS or len(content) < start + _DIGEST_BYTES:
        raise _damaged("it does not begin as one")
    body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest()[:_DIGEST_BYTES] != digest:
        raise _damaged("its checksum does not fit")
    (length,) = struct.unpack_from("<I", body, len(_MAGIC))
    if length > min(_HEADER_BYTES, len(body) - start):
        raise _damaged(f"a header of {length} bytes")
    try:
        header = json.loads(body[start : start + length].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged("its header is not JSON") from error
    payload = body[start + length :]
    _check_header(header, len(payload), with_cuts=magic == _MAGIC_WITH_CUTS)
    count = header["count"]
    if max(payload[2 * count : 3 * count]) > _MOST_HALF_POINTS:
        raise _damaged("a percentile above 100")
    if max(payload[3 * count : _token_bytes(header)], default=0) > 1:
        raise _damaged("a token that is neither sure nor unsure")
    return header, payload


def _token_bytes(header: dict[str, Any]) -> int:
    """Bytes of the tokens and what is known of them; cuts follow."""
    return (4 if _SCORES in header else 3) * int(header["count"])


def _check_header(header: Any, payload_bytes: int, *, with_cuts: bool) -> None:
    names = set(_HEADER) | ({_CUTS} if with_cuts else set())
    if not isinstance(header, dict) or set(header) - {_SCORES} != names:
        raise _damaged("its header has other fields")
    cuts = header.get(_CUTS, 0)
    if type(cuts) is not int or not 0 <= cuts <= MOST_CUTS:
        raise _damaged(f"{_CUTS} = {cuts!r}")
    if header.get(_SCORES, True) is not True:
        raise _damaged(f"{_SCORES} = {header[_SCORES]!r}")
    for name, kind in _HEADER.items():
        if type(header[name]) is not kind:
            raise _damaged(f"{name} = {header[name]!r}")
    try:
        clip_s = rational(header["clip_s"])
    except (ValueError, ZeroDivisionError) as error:
        raise _damaged(f"clip_s = {header['clip_s']!r}") from error
    count, first, end = header["count"], header["first_s"], header["end_s"]
    fits = (
        0 < count <= _MAX_TOKENS
        and _token_bytes(header) + _CUT_BYTES * cuts == payload_bytes
        and 0 < clip_s <= LONGEST_CLIP_S
        and header["stride"] in STRIDES
        and header["assignment"] in ASSIGNMENTS
        and 0 <= header["padded_frames"] <= MOST_PADDED_FRAMES
        and math.isfinite(first)
        and abs(first) < 1e9
        and first + (count - 1) * header["stride"] * float(clip_s) < end < 1e12
    )
    if not fits:
        raise _damaged("a value in its header is out of range")


def _damaged(seen: str) -> InputError:
    return InputError(
        "this is not a token file that can be read",
        seen=seen,
        fix="Make it again with `videobert tokens VIDEO --out FILE.vbt`.",
    )
