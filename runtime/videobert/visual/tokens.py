"""Visual tokens: a video as the numbers of centroids, with times and what is known of how well they fit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import array, as_number, as_whole, described, local_path, number, whole
from videobert.base.errors import InputError, UsageError
from videobert.model.recipe import STRIDES, check_stride
from videobert.results.as_json import LEFT_OUT_IF_NONE
from videobert.results.origin import Origin
from videobert.visual.codebook import Assignment, check_assignment
from videobert.visual.cuts import CUTS, are_cuts
from videobert.visual.grid import LONGEST_CLIP_S, MOST_PADDED_FRAMES, in_half_points, on_grid
from videobert.visual.token_file import content_of, parse, read, write

_FAR_S = 1e12
_USE_THEIRS = "Use what `Runtime.tokens` gave."
_ARRAYS: dict[str, type[np.generic]] = {
    "ids": np.int32,
    "start_s": np.float64,
    "end_s": np.float64,
}
# What is known of each token: where its distance lies, or, of a classifier's codebook, how probable it is.
_JUDGED: dict[str, type[np.generic]] = {"percentiles": np.float32, "scores": np.float32, "sure": np.bool_}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VisualTokens:
    """A video as visual tokens. Every verb takes one where it takes a video.

    Args:
        ids: int32 `(n,)` visual tokens, 0 to K-1.
        start_s, end_s: float64 `(n,)` bounds of each clip in seconds of presentation time; the last clip ends where
            the video does.
        percentiles: float32 `(n,)`, 0 to 100 in steps of 0.5: the out-of-domain signal of each clip, see
            `Codebook.percentile`; None where the codebook is a classifier's, whose distances mean nothing.
        scores: float32 `(n,)`, 0 to 1 in steps of 0.005: the probability of each token; None where there are
            percentiles.
        sure: bool `(n,)`: whether the model stands to its token; None where there are percentiles.
        padded_frames: frames of the last clip that repeat the video's last frame.
        stride: every how many clips one was kept.
        clip_s: length of a clip in seconds, exact.
        cuts_s: float64, rising: times at which a new shot begins; None where nobody looked for them, as in files that
            were saved before they kept cuts.
        model: name of the model that made the tokens.
        codebook: `Codebook.hash`; it covers the backbone and the recipe of a clip.
        clip_recipe: `Recipe.clip_hash`.
        assignment: how tokens were chosen, `"flat"` or `"tree"`.
        engine, precision: what ran the backbone.
        percentile, out_of_domain: see `Report`.
        names: what each token is called, where tokens are the labels of a question; None where they have no names.
        origin: where the answer of `Runtime.tokens` comes from. These four are not kept in a file (there they are None
            until a model has taken the tokens), and no part of what makes tokens equal.
    """

    ids: npt.NDArray[np.int32]
    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    percentiles: npt.NDArray[np.float32] | None = None
    scores: npt.NDArray[np.float32] | None = None
    sure: npt.NDArray[np.bool_] | None = None
    padded_frames: int
    stride: int
    clip_s: Fraction
    model: str
    codebook: str
    clip_recipe: str
    assignment: Assignment
    engine: str
    precision: str
    cuts_s: npt.NDArray[np.float64] | None = dataclasses.field(default=None, metadata=LEFT_OUT_IF_NONE)
    percentile: float | None = dataclasses.field(default=None, compare=False)
    out_of_domain: bool | None = dataclasses.field(default=None, compare=False)
    names: tuple[str, ...] | None = dataclasses.field(default=None, compare=False, metadata=LEFT_OUT_IF_NONE)
    origin: Origin | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name, dtype in _ARRAYS.items():
            object.__setattr__(self, name, array(f"VisualTokens.{name}", getattr(self, name), dtype))
        judged = {name: dtype for name, dtype in _JUDGED.items() if getattr(self, name) is not None}
        if set(judged) not in ({"percentiles"}, {"scores", "sure"}):
            allowed = "percentiles, or scores and sure"
            raise _wrong("judgement", ", ".join(judged) or "none", allowed, "Use what `Runtime.tokens` gave.")
        for name, dtype in judged.items():
            object.__setattr__(self, name, array(f"VisualTokens.{name}", getattr(self, name), dtype))
        lengths = {name: len(getattr(self, name)) for name in (*_ARRAYS, *judged)}
        if len(set(lengths.values())) > 1:
            raise _wrong("arrays", lengths, "one length for all", "Give each token its times and percentile.")
        if len(self.ids) and self.ids.min() < 0:
            raise _wrong("ids", int(self.ids.min()), "0 or more", "A visual token is the number of a centroid.")
        if not (np.isfinite(self.start_s).all() and np.isfinite(self.end_s).all()):
            raise _wrong("times", "a value that is not finite", "seconds", "Use the times of the clips.")
        # NaN is not among them.
        for name, most in (("percentiles", 100), ("scores", 1)):
            values = getattr(self, name)
            if values is not None and not ((values >= 0) & (values <= most)).all():
                raise _wrong(name, values[:8], f"0 to {most}", _USE_THEIRS)
        object.__setattr__(self, "stride", check_stride(self.stride))
        object.__setattr__(self, "clip_s", _clip_length(self.clip_s))
        padded = whole(
            "VisualTokens.padded_frames",
            self.padded_frames,
            least=0,
            most=MOST_PADDED_FRAMES,
            allowed=f"0 to {MOST_PADDED_FRAMES}",
            fix=_USE_THEIRS,
        )
        object.__setattr__(self, "padded_frames", padded)
        for name in ("model", "codebook", "clip_recipe", "engine", "precision"):
            if not isinstance(getattr(self, name), str):
                raise _wrong(name, described(getattr(self, name)), "a text", _USE_THEIRS)
        check_assignment(self.assignment)
        if not are_cuts(self.cuts_s):
            raise _wrong("cuts_s", described(self.cuts_s), CUTS, _USE_THEIRS)
        self._check_judgement()

    def _check_judgement(self) -> None:
        names = self.names
        if names is not None and (not isinstance(names, tuple) or len(names) != len(self.ids)):
            raise _wrong("names", described(names), "a tuple with one for each token, or None", _USE_THEIRS)
        if self.percentile is not None and as_number(self.percentile) is None:
            raise _wrong("percentile", described(self.percentile), "a number, or None", _USE_THEIRS)
        if self.out_of_domain is not None and not isinstance(self.out_of_domain, (bool, np.bool_)):
            raise _wrong("out_of_domain", described(self.out_of_domain), "True, False or None", _USE_THEIRS)
        if self.origin is not None and not isinstance(self.origin, Origin):
            raise _wrong("origin", described(self.origin), "a videobert.Origin, or None", _USE_THEIRS)

    @classmethod
    def on_grid(
        cls,
        *,
        first_s: float,
        last_end_s: float,
        percentiles: npt.NDArray[np.float32] | None = None,
        scores: npt.NDArray[np.float32] | None = None,
        **fields: Any,
    ) -> VisualTokens:
        """Tokens of clips that follow each other on the recipe's grid.

        Args:
            first_s: start of the first clip.
            last_end_s: end of the last clip.
            percentiles, scores: `(n,)`, rounded here to the steps that a file can hold.
            fields: the other fields but the times.

        Raises:
            UsageError: a field is missing, unknown or of the wrong kind.
        """
        needed = {f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING} - set(_ARRAYS) | {"ids"}
        known = {f.name for f in dataclasses.fields(cls)} - {"start_s", "end_s", "percentiles", "scores"}
        if not needed <= set(fields) <= known:
            raise UsageError(
                "tokens on a grid need other fields",
                seen=", ".join(sorted(fields)),
                allowed=", ".join(sorted(needed)),
                fix="See `VisualTokens`.",
            )
        fields["ids"] = array("VisualTokens.ids", fields["ids"], np.int32)
        clip_s = _clip_length(fields["clip_s"])
        first_s, last_end_s = (_seconds(name, t) for name, t in (("first_s", first_s), ("last_end_s", last_end_s)))
        numbers = check_stride(fields["stride"]) * np.arange(len(fields["ids"]), dtype=np.int64)
        start, end = on_grid(first_s, numbers, clip_s)
        end[-1:] = last_end_s
        if percentiles is not None:
            percentiles = in_half_points(array("VisualTokens.percentiles", percentiles, np.float64))
        if scores is not None:
            scores = in_half_points(100 * array("VisualTokens.scores", scores, np.float64)) / np.float32(100)
        return cls(start_s=start, end_s=end, percentiles=percentiles, scores=scores, **fields)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        span = f"{self.start_s[0]:g}–{self.end_s[-1]:g} s" if len(self) else "empty"
        return f"VisualTokens({len(self)} tokens, {span}, stride={self.stride}, model={self.model!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VisualTokens):
            return NotImplemented
        names = [field.name for field in dataclasses.fields(self) if field.compare]
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]

    @property
    def judgement(self) -> tuple[Literal["percentile", "probability"], npt.NDArray[np.float32]]:
        """What is known of how well each token fits, and its name: `percentiles` or `scores`."""
        if self.scores is not None:
            return "probability", self.scores
        return "percentile", np.zeros(0, np.float32) if self.percentiles is None else self.percentiles

    @property
    def decoder_fallback(self) -> str | None:
        """See `Origin`."""
        return None if self.origin is None else self.origin.decoder_fallback

    def strided(self, stride: int) -> VisualTokens:
        """Every few of these tokens, as if the video had been read with this larger stride.

        Raises:
            InputError: `stride` is not a multiple of the stride that the tokens have.
        """
        stride = check_stride(stride)
        if stride == self.stride:
            return self
        if stride % self.stride:
            allowed = [number for number in STRIDES if number % self.stride == 0]
            raise InputError(
                "these tokens cannot be read with that stride",
                seen=stride,
                allowed=allowed,
                fix="Use the video itself, or tokens saved with stride 1.",
            )
        keep = slice(None, None, stride // self.stride)
        last_kept = (len(self) - 1) % (stride // self.stride) == 0
        return dataclasses.replace(
            self,
            ids=self.ids[keep],
            start_s=self.start_s[keep],
            end_s=self.end_s[keep],
            percentiles=None if self.percentiles is None else self.percentiles[keep],
            scores=None if self.scores is None else self.scores[keep],
            sure=None if self.sure is None else self.sure[keep],
            padded_frames=self.padded_frames if last_kept else 0,
            stride=stride,
            percentile=None,
            out_of_domain=None,
            names=None if self.names is None else self.names[keep],
            origin=None,
        )

    def save(self, path: str | Path) -> None:
        """Write a `.vbt` file; it appears whole or not at all.

        Raises:
            InputError: see `to_bytes`; or the path cannot be written.
        """
        write(local_path("path", path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> VisualTokens:
        """Read a file that `save` wrote; the file is not trusted.

        Raises:
            InputError: the file is missing, damaged or not a token file.
        """
        return cls.from_bytes(read(local_path("path", path)))

    def to_bytes(self) -> bytes:
        """The content of a `.vbt` file.

        Raises:
            InputError: there are no tokens, the times do not lie on a grid, or a value does not fit.
        """
        if not len(self):
            raise InputError("there are no tokens to save", seen=repr(self), fix="Save tokens of one clip or more.")
        content = content_of(self)
        if not self._comes_back(content):
            raise InputError(
                "these tokens cannot be saved exactly",
                seen=repr(self),
                allowed="ids below 65536, times on the grid of the recipe, steps of 0.5 for percentiles",
                fix="Save tokens as `Runtime.tokens` returned them.",
                fix_cli="Make them again from the video with `videobert tokens VIDEO --out FILE.vbt`.",
            )
        return content

    def _comes_back(self, content: bytes) -> bool:
        try:
            return self.from_bytes(content) == self
        except InputError:  # a name longer than a header may be, or times that no grid has
            return False

    @classmethod
    def from_bytes(cls, content: bytes) -> VisualTokens:
        """Tokens from the content of a `.vbt` file; it is not trusted.

        Raises:
            InputError: damaged, or not a token file.
        """
        return parse(content, cls.on_grid)


def _clip_length(clip_s: object) -> Fraction:
    """The exact length of a clip. A float is none: 0.64 is not 16/25."""
    exact = as_whole(clip_s)
    found = clip_s if isinstance(clip_s, Fraction) else None if exact is None else Fraction(exact)
    if found is None or not 0 < found <= LONGEST_CLIP_S:
        raise _wrong("clip_s", clip_s, f"a Fraction above 0, at most {LONGEST_CLIP_S}", "For example Fraction(3, 2).")
    return found


def _seconds(name: str, value: object) -> float:
    return number(name, value, least=-_FAR_S, most=_FAR_S, allowed="a number of seconds", fix=_USE_THEIRS)


def _wrong(name: str, seen: object, allowed: str, fix: str) -> UsageError:
    return UsageError(f"VisualTokens.{name} cannot be used", seen=seen, allowed=allowed, fix=fix)
