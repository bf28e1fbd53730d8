"""Which decoder reads a video: the questions that decide it, in their order. Never a silent choice.

1. What was asked for: `check_decoder`, `choose`.
2. Can DALI run on this machine: `available.unusable`. A decoder asked for by name that cannot is an error.
3. Does DALI decode this stream as the recipe says: `dali.accepted_streams.refusal`.
4. Does NVDEC count the frames of this codec as the index does: `dali_trial.failure`.
5. Can the source be read a second time: `VideoOpener.repeatable`.
6. On the way: does the decoder go on (`GaveUp`)?

The first two are answered here, and when a model is loaded, so that what cannot work is said then: this loads neither
PyAV nor DALI. The others need the video: `DecoderOpener`. Where a later answer is no, PyAV steps in, and the video's
`info.decoder_fallback` says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from videobert.base.arguments import one_of
from videobert.base.errors import EngineUnavailable
from videobert.video.decoders.available import DECODERS, DecoderName, Device, unusable

_DEVICES = ("cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Choice:
    """The decoder to use for files, and why it is not the one that would have been first choice; None if it is."""

    name: Literal["pyav", "dali"]
    device: Device
    fallback: str | None = None


def pyav_instead(reason: str) -> Choice:
    """PyAV, since DALI would have been first choice and cannot be used for this reason."""
    return Choice("pyav", "cpu", f"dali: {reason}")


def check_decoder(decoder: str) -> DecoderName:
    """The decoder's name.

    Raises:
        UsageError: an unknown name.
    """
    return cast(DecoderName, one_of("decoder", decoder, DECODERS, "auto always works."))


def choose(decoder: str, device: str) -> Choice:
    """The decoder asked for, or for `"auto"`: DALI where clips are wanted on a GPU and NVDEC is there, else PyAV.

    Raises:
        UsageError: an unknown name.
        EngineUnavailable: DALI was asked for by name and cannot run here; the message says what to install.
    """
    name = check_decoder(decoder)
    one_of("device", device, _DEVICES, "cpu always works.")
    where: Device = "cuda" if device == "cuda" else "cpu"
    if name == "pyav" or (name == "auto" and where == "cpu"):
        return Choice("pyav", "cpu")
    why = unusable(where)
    if why is None:
        return Choice("dali", where)
    if name == "dali":
        raise EngineUnavailable(
            "the dali decoder cannot run",
            seen=why[0],
            fix=f'Use decoder="pyav", or: {why[1]}.',
            fix_cli=f"Use --decoder pyav, or: {why[1]}.",
        )
    return pyav_instead(why[0])


def decoder_for_engine(decoder: str, *, takes_device_arrays: bool) -> tuple[DecoderName, Device]:
    """What `choose` is to be asked for the videos of a loaded model.

    Args:
        decoder: `"auto"`, `"pyav"` or `"dali"`.
        takes_device_arrays: of the model's engine, see `Engine`.

    Raises:
        UsageError, EngineUnavailable: as `choose`.
    """
    name = check_decoder(decoder)
    device: Device = "cpu"
    if name == "auto" and takes_device_arrays:
        device = "cuda"
    if name == "dali":
        # Whoever asks for DALI wants NVDEC where it is there, whatever the engine.
        device = "cpu" if unusable("cuda") else "cuda"
        choose(name, device)
    return name, device
