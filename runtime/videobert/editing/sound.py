"""The sound of the new film, in step with its pictures: cut at the sample, and encoded anew where something is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av

from videobert.editing.container_codecs import codecs_taken_by
from videobert.editing.sound_reader import SoundReader

Seconds = tuple[Fraction, Fraction]

# By the codec that the film has. Vorbis's free encoder is rough, and Opus stands wherever Vorbis does.
_ENCODERS = {
    **{name: name for name in ("aac", "flac", "alac", "ac3", "eac3")},
    "opus": "libopus",
    "vorbis": "libopus",
    "mp3": "libmp3lame",
}
_LOSSLESS = ("flac", "alac")
# In the order of choice for what the film's own codec is not taken or not encoded here.
_OTHERS = ("aac", "libopus")
# The second is the most that Opus takes; sound that was not compressed would ask for more.
_LEAST_BITS_PER_CHANNEL, _MOST_BITS_PER_CHANNEL = 96_000, 256_000
# How so many channels usually lie, where the film does not say.
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_OPUS_RATE = 48_000


class SoundTrack:
    """One track of sound of the new film. Where the film has no sound for a while, silence keeps step.

    Args:
        reader: of the film's track.
        spans: of the film, in the order of the new one, in seconds.
        whole: nothing is cut, so that its packets can stay as they are.
        output: the new container; a stream is added to it.

    Attributes:
        stream: that of the new film.
        said: what becomes of the track, see `Film`.
    """

    def __init__(self, reader: SoundReader, spans: Sequence[Seconds], output: Any, *, whole: bool) -> None:
        self._reader, self._spans = reader, spans
        track, taken = reader.track, codecs_taken_by(output)
        codec = track.codec_context.codec.canonical_name
        # Encoding PCM anew changes no sample, and gives its channels the names that a header must state.
        self._copied = whole and codec in taken and not (codec.startswith("pcm_") and _unnamed(track.codec_context))
        if self._copied:
            self.stream = output.add_stream_from_template(track, opaque=True)
            self.said = f"{codec}, copied"
        else:
            encoder = encoder_for(codec, taken)
            self.stream = output.add_stream(encoder, rate=_OPUS_RATE if encoder == "libopus" else reader.rate)
            _set_like(self.stream.codec_context, track.codec_context, encoder)
            into = av.Codec(encoder, "w").canonical_name
            self.said = f"{into}, encoded anew" + (f" from {codec}" if into != codec else "")
        self.stream.metadata.update({k: v for k, v in track.metadata.items() if k in ("language", "title")})
        self.stream.disposition = track.disposition

    def packets(self) -> Iterator[Any]:
        """In their order."""
        if self._copied:
            yield from self._as_they_are()
            return
        rate, written, passed = self._reader.rate, 0, Fraction(0)
        for start, end in self._spans:
            # The end of each span is rounded for itself, so that the rest never adds up.
            passed += end - start
            for frame in self._reader.frames(round(start * rate), round(passed * rate) - written):
                frame.sample_rate, frame.pts, frame.time_base = rate, written, Fraction(1, rate)
                written += frame.samples
                yield from self.stream.encode(frame)
        yield from self.stream.encode(None)

    def _as_they_are(self) -> Iterator[Any]:
        shift = round(self._spans[0][0] / self._reader.track.time_base)
        for packet in self._reader.packets():
            if packet.size and packet.pts is not None and packet.dts is not None:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = self.stream
                yield packet


def encoder_for(codec: str, taken: set[str]) -> str:
    """What encodes sound of a codec anew for a container that takes these codecs."""
    encoder = codec if codec.startswith("pcm_") else _ENCODERS.get(codec)
    canonical = {"libopus": "opus", "libmp3lame": "mp3"}
    if encoder is not None and canonical.get(encoder, encoder) in taken:
        return encoder
    return next(name for name in _OTHERS if canonical.get(name, name) in taken)


def _unnamed(context: Any) -> bool:
    """Whether nothing says where its channels lie: FFmpeg then calls them "2 channels", which coders refuse."""
    return bool(context.layout.name.endswith(" channels"))


def _set_like(context: Any, like: Any, encoder: str) -> None:
    channels = like.layout.nb_channels
    name = like.layout.name
    context.layout = _USUAL_LAYOUTS.get(channels, name) if _unnamed(like) else name
    formats = [each.name for each in av.Codec(encoder, "w").audio_formats or ()]
    wanted = like.format.name
    if wanted in formats:
        context.format = wanted
    elif encoder in _LOSSLESS:
        # As many bits as the film has, whichever way its planes lie.
        deep = like.format.bytes > 2
        context.format = next((name for name in formats if name.startswith("s32") == deep), formats[0])
    if encoder not in _LOSSLESS and not encoder.startswith("pcm_"):
        asked = max(like.bit_rate or 0, _LEAST_BITS_PER_CHANNEL * channels)
        context.bit_rate = min(asked, _MOST_BITS_PER_CHANNEL * channels)
