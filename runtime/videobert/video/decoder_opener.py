"""Opens an encoded video with the decoder chosen, and with PyAV where that one cannot take it or cannot go on."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event

from videobert.base.errors import InputError
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.decoders.choice import Choice, pyav_instead
from videobert.video.decoders.decoder import Decoder
from videobert.video.decoders.decoder_threads import DecoderThreads
from videobert.video.decoders.pyav.decoder import PyAvDecoder
from videobert.video.source.opening import VideoOpener


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderOpener:
    """Opens decoders of one encoded video.

    The first frame is always decoded with PyAV: which track is read and what it says of size, colour and orientation
    holds for every decoder.

    Args:
        open_video: opens the source anew each time.
        recipe: how frames are chosen and transformed.
        limits: what is accepted.
        cancel: set it from anywhere to stop.
        track: see `PyAvDecoder`.
        threads: most threads that decode and transform at a time; None for as many as pay.
        decoder_threads: see `open_clips`.
    """

    open_video: VideoOpener
    recipe: Recipe
    limits: Limits
    cancel: Event | None = None
    track: int | None = None
    threads: int | None = None
    decoder_threads: DecoderThreads = None

    def open(self, choice: Choice) -> Decoder:
        """The decoder chosen, or PyAV where DALI cannot take this stream.

        Where the source can be read again, PyAV leaves out what the recipe's stride does not need: its frames may then
        raise `GaveUp`.

        Raises:
            DecodeError, InputError, LimitExceeded, Cancelled: as `PyAvDecoder`.
        """
        first = self._pyav(choice, self.track, skip=self.open_video.repeatable)
        if choice.name == "pyav":
            return first
        why = _not_for_dali(first, self.recipe, choice)
        again = None if why else self.open_video()
        if again is None:
            first.fallback = pyav_instead(why or "this source can be read only once").fallback
            return first
        from videobert.video.decoders.dali.decoder import DaliDecoder

        # On a GPU none of DALI's threads decodes; what was measured was measured with PyAV.
        asked = self.decoder_threads if choice.device == "cpu" and isinstance(self.decoder_threads, int) else None

        try:
            return DaliDecoder.of_stream(
                again.container,
                first,
                self.recipe,
                self.limits,
                choice.device,
                cancel=self.cancel,
                threads=self.threads if asked is None else asked,
            )
        except BaseException:
            again.container.close()
            raise
        finally:
            first.close()

    def open_after(self, gave_up: Decoder, reason: str) -> Decoder:
        """PyAV, from the beginning of the video, after a decoder gave up for this reason.

        Where PyAV itself gave up, it had left out too much, and now decodes all. Raises as `open`.
        """
        info = gave_up.info
        if info.decoder == "dali":
            return self._pyav(pyav_instead(reason), info.track, skip=self.open_video.repeatable)
        return self._pyav(Choice("pyav", "cpu", info.decoder_fallback), info.track, skip=False)

    def _pyav(self, choice: Choice, track: int | None, *, skip: bool) -> PyAvDecoder:
        opened = self.open_video()
        if opened is None:
            raise InputError("this video cannot be read a second time")
        try:
            decoder = PyAvDecoder(
                opened,
                self.limits,
                self.cancel,
                track,
                threads=self.threads,
                decoder_threads=self.decoder_threads,
            )
        except BaseException:
            opened.container.close()
            raise
        decoder.fallback = choice.fallback
        if skip and self.recipe.stride > 1:
            decoder.skip(self.recipe)
        return decoder


def _not_for_dali(first: PyAvDecoder, recipe: Recipe, choice: Choice) -> str | None:
    """Why DALI is not to decode this stream, in words; None if it may."""
    from videobert.video.decoders.dali.accepted_streams import backend_of, refusal

    info, adjusted = first.info, None
    if recipe.transfer == "tone-map-bt709" and first.hdr is not None:
        adjusted = f"{first.hdr} to be mapped to bt709"
    elif recipe.sample_aspect == "apply" and first.sample_aspect != 1:
        adjusted = f"a sample aspect of {first.sample_aspect} to be applied"
    why = refusal(info, backend_of(choice.device), adjusted)
    if why is None and choice.device == "cuda":
        from videobert.video.dali_trial import failure

        why = failure(info.codec, choice.device)
    return why
