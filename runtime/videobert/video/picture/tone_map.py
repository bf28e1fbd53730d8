"""High dynamic range (HLG and PQ) to what a screen of BT.709 shows, as tables for the native core.

Coded colours become light of the screen that they were made for (ITU-R BT.2100-2: the HLG and PQ EOTF, HLG for a screen
of 1000 cd/m2). Light above what BT.709 has room for is rolled off by the EETF of Report ITU-R BT.2390 (section 5.4.1,
without a lift of black) on the largest of red, green and blue, so that hues stay; diffuse white, 203 cd/m2 by Report
ITU-R BT.2408, is the white of the result. Then the primaries of BT.709 (Report BT.2407), cut off at its gamut, and the
inverse of its screen's EOTF (BT.1886: a power of 2.4).
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
HdrTransfer = Literal["hlg", "pq"]
# ITU-T H.273, table 3.
HDR_TRANSFERS: dict[int, HdrTransfer] = {16: "pq", 18: "hlg"}

# Of the screen that pictures are taken to be made for, and of diffuse white, in cd/m2.
PEAK_NITS = 1000.0
WHITE_NITS = 203.0
# What the native core looks tables up with.
_CODED_STEPS = 65_536
_LIGHT_STEPS = 4_096

# BT.2100-2, table 4: the constants of PQ.
_M1, _M2 = 2610 / 16_384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_PQ_NITS = 10_000.0
# BT.2100-2, table 5: the constants of HLG, and the gamma of its OOTF for 1000 cd/m2.
_A = 0.17883277
_B = 1 - 4 * _A
_C = 0.5 - _A * np.log(4 * _A)
_HLG_GAMMA = 1.2
_BT1886_GAMMA = 2.4

# Chromaticities (x, y) of red, green and blue by ITU-T H.273, table 2; all with the white of D65.
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),  # BT.709
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # P3 with D65
}
_BT709, _BT2020 = 1, 9
_D65 = (0.3127, 0.3290)


class ToneMapTables(NamedTuple):
    """What the native core takes as `tone_map`: see its docstring. Light is relative to `PEAK_NITS`."""

    light: npt.NDArray[np.float32]
    luminance: tuple[float, float, float]
    by_luminance: npt.NDArray[np.float32]
    by_peak: npt.NDArray[np.float32]
    primaries: tuple[tuple[float, float, float], ...]
    codes: npt.NDArray[np.uint8]


@cache
def tone_map(transfer: HdrTransfer, primaries: int) -> ToneMapTables:
    """The tables for pictures of a transfer function and of primaries by their number in ITU-T H.273.

    Primaries other than those of BT.709, BT.2020 and P3 with D65 are taken as those of BT.2020.
    """
    own = primaries if primaries in _PRIMARIES else _BT2020
    coded = np.linspace(0, 1, _CODED_STEPS)
    steps = np.linspace(0, 1, _LIGHT_STEPS) ** 4
    if transfer == "hlg":
        light, by_luminance = _hlg_scene_light(coded), steps ** (_HLG_GAMMA - 1)
    else:
        light, by_luminance = np.minimum(_pq_nits(coded) / PEAK_NITS, 1), np.ones(_LIGHT_STEPS)
    nits = steps * PEAK_NITS
    by_peak = np.full(_LIGHT_STEPS, PEAK_NITS / WHITE_NITS)
    by_peak[1:] *= _rolled_off(nits[1:]) / nits[1:]
    matrix = np.linalg.inv(_to_xyz(_BT709)) @ _to_xyz(own)
    return ToneMapTables(
        light.astype(np.float32),
        _three(_to_xyz(own)[1]),
        by_luminance.astype(np.float32),
        by_peak.astype(np.float32),
        tuple(_three(row) for row in matrix),
        np.round(255 * steps ** (1 / _BT1886_GAMMA)).astype(np.uint8),
    )


def _pq_nits(coded: Floats) -> Floats:
    power = coded ** (1 / _M2)
    return np.asarray(_PQ_NITS * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1))


def _pq_coded(nits: Floats) -> Floats:
    power = (nits / _PQ_NITS) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _hlg_scene_light(coded: Floats) -> Floats:
    return np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - _C) / _A) + _B) / 12)


def _rolled_off(nits: Floats) -> Floats:
    """The EETF from a screen of `PEAK_NITS` to one of `WHITE_NITS`: up to the knee light stays as it is."""
    top = _pq_coded(np.array(PEAK_NITS))
    room = _pq_coded(np.array(WHITE_NITS)) / top
    knee = 1.5 * room - 0.5
    coded = _pq_coded(nits) / top
    t = (coded - knee) / (1 - knee)
    curve = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * room
    return _pq_nits(np.where(coded < knee, coded, curve) * top)


def _to_xyz(primaries: int) -> Floats:
    """`(3, 3)`: what makes X, Y and Z of red, green and blue light (SMPTE RP 177)."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in _PRIMARIES[primaries]]).T
    x, y = _D65
    white = np.array([x / y, 1, (1 - x - y) / y])
    return np.asarray(columns * np.linalg.solve(columns, white))


def _three(row: Floats) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in row)
    return red, green, blue
