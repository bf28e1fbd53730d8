"""The first answer of a process waits for imports: what a plain film does not need comes when one needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

READ = """
import sys
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
with open_clips(sys.argv[1], Recipe(frames=5, short_side=32, crop=32, stride=int(sys.argv[2]))) as stream:
    assert len(list(stream)) > 1
    assert stream.info.frames_decoded
print(*(name for name in sys.modules if name.startswith(("videobert.", "nvidia"))))
"""
VIDEO = "videobert.video"
# What an MP4 on the CPU is read with at stride 1.
NEEDED = frozenset(
    f"{VIDEO}.{name}"
    for name in (
        *("assembly", "clip", "codec", "codec.field_pictures", "codec.h264_headers", "codec.unit_bits"),
        *("decoders", "decoders.available", "decoders.choice", "decoders.decoder", "decoders.decoder_threads"),
        "decoder_opener",
        *("decoders.pyav", "decoders.pyav.damage", "decoders.pyav.decoder", "decoders.pyav.stated_aspect"),
        *("decoders.pyav.stated_duration", "decoders.pyav.stated_times", "device_frames", "info", "open"),
        *("picture", "picture.colour", "picture.crop", "picture.display_matrix", "picture.orientation"),
        *("picture.pixel_layout", "picture.plane_window", "picture.siting", "picture.tone_map"),
        "picture.transform",
        *("sampling", "settled_frames", "source", "source.byte_window", "source.containers", "source.file_kinds"),
        *("source.frame_array", "source.header_notes", "source.kind", "source.opening", "source.readable"),
        *("source.track_choice", "source.mp4", "source.mp4.boxes", "source.mp4.declared"),
        *("source.mp4.tables", "source.mp4.track_notes", "stream", "timestamps"),
    )
)
SKIPPING = {
    f"{VIDEO}.{name}"
    for name in (
        *("codec.coded_pictures", "codec.hevc_headers", "codec.picture_order", "codec.hidden_frames"),
        *("decoders.pyav.arrivals", "decoders.pyav.skip_plan", "decoders.pyav.skipping"),
    )
}


def imported(path, stride=1):
    """Names of our modules, and of NVIDIA's, in a process that has read this film."""
    done = subprocess.run([sys.executable, "-c", READ, path, str(stride)], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def film(factory, tmp_path_factory):
    return factory.write_clip(tmp_path_factory.mktemp("film") / "a.mp4", ticks=range(60))


def test_a_plain_film_imports_what_it_needs_and_no_more(film):
    names = imported(film)
    assert {name for name in names if name.startswith(f"{VIDEO}.")} == NEEDED
    assert not {name for name in names if name.startswith(("nvidia", "videobert.engines", "videobert.pipeline"))}


def test_a_stride_brings_what_skips(film):
    """The list above is looked at in earnest: what is not on it does show."""
    assert imported(film, stride=2) - imported(film) == SKIPPING


@pytest.mark.parametrize(
    ("name", "brings"), [("a.mkv", "source.matroska_header"), ("a.avi", "decoders.pyav.decode_order")]
)
def test_other_containers_bring_their_own(film, factory, tmp_path, name, brings):
    path = factory.write_clip(tmp_path / name, ticks=range(60), options={"bf": "2"})
    assert imported(path) - imported(film) == {f"{VIDEO}.{brings}"}
