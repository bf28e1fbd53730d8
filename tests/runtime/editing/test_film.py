"""A cut film holds the frames that were asked for and no others: found by decoding it, against its source."""

from __future__ import annotations

import io
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.runtime.editing.film_factory import frames_of, numbers_of, packets_of
from tests.runtime.editing.film_factory import write_film as make

from videobert.base.errors import Cancelled, DecodeError, InputError, LimitExceeded, UsageError
from videobert.base.limits import Limits
from videobert.editing.film import write_film
from videobert.editing.mastering import Mastering
from videobert.results.film import Film

# In frames: a cut between key frames at both ends, frames moved, and one frame alone.
SPANS = ((9, 30), (2, 8), (37, 38))
B_FRAMES = {"bf": "2", "x264-params": "scenecut=0"}
OPEN = {"bf": "2", "x264-params": "scenecut=0:open-gop=1"}
# Key frames that pictures lead which need what comes before: as the encoder makes films if it is not told otherwise.
OPEN_HEVC = {"x265-params": "log-level=none:keyint=12:min-keyint=12:scenecut=0:open-gop=1"}

REPEATED = {"x265-params": OPEN_HEVC["x265-params"] + ":repeat-headers=1"}
_DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
HDR = {
    "libx264": {"bf": "2", "x264-params": f"scenecut=0:mastering-display={_DISPLAY}:cll=1000,400"},
    "libx265": {"x265-params": f"{OPEN_HEVC['x265-params']}:master-display={_DISPLAY}:max-cll=1000,400"},
}


def seconds(
    spans: Any, rate: Fraction = Fraction(25), start: Fraction = Fraction(0)
) -> list[tuple[Fraction, Fraction]]:
    return [(start + first / rate, start + end / rate) for first, end in spans]


def expected(spans: Any = SPANS) -> list[int]:
    return [number for first, end in spans for number in range(first, end)]


def check(source: Path, cut: Path, film: Film, spans: Any = SPANS, rate: Fraction = Fraction(25)) -> None:
    """The frames, their times, how alike they are to the source's, and how many of its packets were taken over."""
    numbers, times, pictures = zip(*frames_of(cut), strict=True)
    assert list(numbers) == expected(spans)
    assert np.allclose(times, [n / float(rate) for n in range(len(numbers))], atol=1.01e-3)
    own = {number: picture for number, _, picture in frames_of(source)}
    for number, picture in zip(numbers, pictures, strict=True):
        assert np.abs(own[number].astype(int) - picture).mean() < 2.5
    assert film.frames == len(numbers)
    assert film.path == cut
    here, there = packets_of(cut), packets_of(source)
    assert sum(count for data, count in here.items() if data in there) >= film.frames_copied


@pytest.mark.parametrize(
    ("name", "codec", "options", "cut", "method", "copied"),
    [
        ("b.mp4", "libx264", B_FRAMES, "cut.mp4", "smart", 17),
        ("b.mov", "libx264", B_FRAMES, "cut.mkv", "smart", 17),
        ("b.mkv", "libx264", B_FRAMES, "cut.mov", "smart", 17),
        ("p.mp4", "libx264", {"bf": "0", "x264-params": "scenecut=0"}, "cut.mp4", "smart", 18),
        ("b.ts", "libx264", B_FRAMES, "cut.mp4", "smart", 17),
        ("open.mp4", "libx264", OPEN, "cut.mp4", "encode", 0),
        ("b.webm", "libvpx-vp9", {}, "cut.webm", "smart", 18),
        ("old.webm", "libvpx", {}, "cut.webm", "smart", 18),
        ("hevc.mp4", "libx265", {}, "cut.mp4", "smart", 17),
        ("open_hevc.mp4", "libx265", OPEN_HEVC, "cut.mkv", "smart", 16),
        ("open_hevc.ts", "libx265", OPEN_HEVC, "cut.mp4", "smart", 16),
        ("av1.mp4", "libsvtav1", {"preset": "12"}, "cut.mp4", "encode", 0),
        ("simple.mp4", "mpeg4", {"bf": "2"}, "cut.mp4", "encode", 0),
        ("simple.avi", "mpeg4", {"bf": "2"}, "cut.mkv", "encode", 0),
        ("intra.avi", "mjpeg", {"strict": "unofficial"}, "cut.mkv", "copy", 28),
        ("other.mp4", "libx264", B_FRAMES, "cut.webm", "encode", 0),
    ],
)
def test_the_frames_asked_for(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], cut: str, method: str, copied: int
) -> None:
    start = Fraction(0)
    source = make(tmp_path / name, codec=codec, options=options)
    # AVI has no presentation times: its frames begin at nought.
    if source.suffix != ".avi":
        with av.open(str(source)) as film_file:
            stream = film_file.streams.video[0]
            start = min(p.pts for p in film_file.demux(stream) if p.pts is not None) * stream.time_base
    target = tmp_path / "new" / cut
    target.parent.mkdir()
    film = write_film(source, seconds(SPANS, start=start), target)
    check(source, target, film)
    assert film.method == method
    assert film.frames_copied == copied
    assert (film.why is None) == (method == "copy")


@pytest.mark.parametrize(
    ("codec", "name"), [("libx264", "a.mp4"), ("libx265", "a.mkv"), ("libx265", "a.mp4"), ("libvpx-vp9", "a.webm")]
)
def test_cuts_at_key_frames_copy_everything(tmp_path: Path, codec: str, name: str) -> None:
    options = B_FRAMES if codec == "libx264" else {}
    source = make(tmp_path / name, codec=codec, options=options)
    target = tmp_path / f"cut{source.suffix}"
    spans = ((24, 36), (0, 12))
    film = write_film(source, seconds(spans), target)
    check(source, target, film, spans)
    assert (film.method, film.why, film.frames_copied) == ("copy", None, 24)
    # To the bit: every packet is one of the source's.
    assert packets_of(target).keys() <= packets_of(source).keys()


@pytest.mark.parametrize(
    ("spans", "method", "changed"),
    [(((12, 40), (12, 40)), "copy", 1), (((24, 40), (0, 40)), "copy", 0), (((3, 40),), "smart", 10)],
)
def test_key_frames_of_hevc_that_others_lead(tmp_path: Path, spans: Any, method: str, changed: int) -> None:
    """They are known as a beginning by a byte: all others of what is copied are the source's."""
    source = make(tmp_path / "a.mp4", codec="libx265", options=OPEN_HEVC)
    target = tmp_path / "cut.mp4"
    film = write_film(source, seconds(spans), target)
    check(source, target, film, spans)
    assert (film.method, film.frames - film.frames_copied) == (method, changed)
    with av.open(str(target)) as cut:
        assert cut.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv422p10le"])
def test_hevc_of_deep_colour(tmp_path: Path, pixel_format: str) -> None:
    source = make(tmp_path / "a.mp4", codec="libx265", options=OPEN_HEVC, pixel_format=pixel_format)
    target = tmp_path / "cut.mp4"
    film = write_film(source, seconds(SPANS), target)
    check(source, target, film)
    assert film.method == "smart"


def test_hevc_that_keeps_its_parameters_in_its_packets(tmp_path: Path) -> None:
    """They may change there: so no second encoder goes beside them, and the film is marked as what it is."""
    with_header = make(tmp_path / "a.mp4", codec="libx265", options=OPEN_HEVC | REPEATED)
    source = tmp_path / "b.mp4"
    with av.open(str(with_header)) as given, av.open(str(source), "w") as output:
        track = given.streams.video[0]
        stream = output.add_stream_from_template(track, opaque=True)
        stream.codec_context.extradata = (track.codec_context.extradata or b"")[:22] + b"\0"
        stream.codec_context.codec_tag = "hev1"
        for packet in given.demux(track):
            if packet.size:
                packet.stream = stream
                output.mux_one(packet)
    target = tmp_path / "cut.mp4"
    film = write_film(source, seconds(SPANS), target)
    check(source, target, film)
    assert (film.method, film.why) == ("encode", "the film keeps its parameters in its packets, not in its header")
    film = write_film(source, seconds([(12, 40)]), target)
    check(source, target, film, [(12, 40)])
    with av.open(str(target)) as cut:
        assert (film.method, cut.streams.video[0].codec_context.codec_tag) == ("copy", "hev1")


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_what_the_film_says_of_its_display_is_kept(tmp_path: Path, codec: str) -> None:
    source = make(tmp_path / "a.mp4", codec=codec, options=HDR[codec], pixel_format="yuv420p10le", color_trc=16)
    target = tmp_path / "cut.mp4"
    film = write_film(source, seconds([(3, 8), (9, 30)]), target)
    assert (film.method, film.left_out) == ("smart", ())
    with av.open(str(source)) as there, av.open(str(target)) as here:
        said = Mastering.of(next(there.decode(video=0)))
        frames = [frame for frame in here.decode(video=0)]
    assert said.light == (1000, 400)
    assert said.primaries is not None
    told = [Mastering.of(frame) for frame in frames if frame.key_frame]
    assert len(told) >= 4
    assert set(told) == {said}
    other = write_film(source, seconds([(3, 8)]), tmp_path / "cut.webm")
    assert other.left_out == ("HDR mastering data of frames encoded anew",)
    assert write_film(source, seconds([(3, 8)]), tmp_path / "cut.webm", dry_run=True).left_out == other.left_out


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60000, 1001), Fraction(25, 2)])
def test_odd_rates(tmp_path: Path, rate: Fraction) -> None:
    source = make(tmp_path / "a.mp4", rate=rate, options=B_FRAMES, sounds=("aac",))
    target = tmp_path / "cut.mp4"
    film = write_film(source, seconds(SPANS, rate), target)
    check(source, target, film, rate=rate)
    assert film.duration_s == pytest.approx(28 / float(rate))


def test_irregular_frames_keep_their_times(tmp_path: Path) -> None:
    """Variable frame rate: the gaps between frames are the source's."""
    times = [Fraction(n * n + 40 * n, 1000) for n in range(40)]
    source = make(tmp_path / "a.mp4", times=times, time_base=Fraction(1, 1000), options=B_FRAMES)
    target = tmp_path / "cut.mp4"
    film = write_film(source, [(float(times[5]), float(times[20])), (float(times[30]), float(times[35]))], target)
    frames = frames_of(target)
    assert [number for number, _, _ in frames] == [*range(5, 20), *range(30, 35)]
    lengths = [times[n + 1] - times[n] for n, _, _ in frames]
    assert np.allclose([time for _, time, _ in frames], np.cumsum([0, *lengths[:-1]]).astype(float), atol=1e-3)
    assert film.duration_s == pytest.approx(float(sum(lengths)))


def test_a_film_that_does_not_begin_at_nought(tmp_path: Path) -> None:
    """Spans are in the source's own presentation times."""
    source = make(tmp_path / "a.mkv", start_s=Fraction(3), options=B_FRAMES, sounds=("aac",))
    target = tmp_path / "cut.mp4"
    write_film(source, seconds(SPANS, start=Fraction(3)), target)
    assert numbers_of(target) == expected()
    assert frames_of(target)[0][1] == 0


@pytest.mark.parametrize("spans", [SPANS, ((12, 24),)])
def test_rotation_and_tags_are_kept(tmp_path: Path, spans: Any) -> None:
    source = make(tmp_path / "a.mp4", rotation=90.0, tags={"title": "A film"}, options=B_FRAMES)
    target = tmp_path / "cut.mp4"
    write_film(source, seconds(spans), target)
    with av.open(str(target)) as film:
        assert film.metadata["title"] == "A film"
        assert next(film.decode(video=0)).rotation == 90


def test_deep_colour_stays_deep(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", pixel_format="yuv420p10le", options=B_FRAMES, color_trc=16, color_primaries=9)
    target = tmp_path / "cut.mp4"
    assert write_film(source, seconds(SPANS), target).method == "smart"
    with av.open(str(target)) as film:
        frame = next(film.decode(video=0))
        assert (frame.format.name, frame.color_trc, frame.color_primaries) == ("yuv420p10le", 16, 9)
    assert numbers_of(target) == expected()


@pytest.mark.parametrize("kind", ["bytes", "file"])
def test_bytes_and_file_objects(tmp_path: Path, kind: str) -> None:
    source = make(tmp_path / "a.mp4", options=B_FRAMES, sounds=("aac",))
    data = source.read_bytes()
    given: Any = data
    if kind == "file":
        given = io.BytesIO(b"before" + data)
        given.seek(6)
    target = tmp_path / "cut.mp4"
    write_film(given, seconds(SPANS), target)
    assert numbers_of(target) == expected()


def test_spans_that_follow_each_other_are_not_cut_apart(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", options=B_FRAMES)
    film = write_film(source, seconds([(12, 20), (20, 24)]), tmp_path / "cut.mp4")
    assert film.method == "copy"


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", options=B_FRAMES, sounds=("aac",))
    target = tmp_path / "new" / "cut.mp4"
    target.parent.mkdir()
    said = write_film(source, seconds(SPANS), target, dry_run=True)
    assert list(target.parent.iterdir()) == []
    assert write_film(source, seconds(SPANS), target) == said


def test_progress_and_cancel(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", options=B_FRAMES)
    target = tmp_path / "new" / "cut.mp4"
    target.parent.mkdir()
    target.write_bytes(b"what was there")
    seen: list[tuple[float, float | None]] = []
    cancel = threading.Event()

    def stop(done: float, total: float | None) -> None:
        seen.append((done, total))
        if len(seen) == 3:
            cancel.set()

    with pytest.raises(Cancelled):
        write_film(source, seconds(SPANS), target, on_progress=stop, cancel=cancel)
    assert target.read_bytes() == b"what was there"
    assert list(target.parent.iterdir()) == [target]
    seen.clear()
    write_film(source, seconds(SPANS), target, on_progress=lambda *at: seen.append(at))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (pytest.approx(1.12), pytest.approx(1.12))


def test_never_over_the_source(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4")
    before = source.read_bytes()
    link = tmp_path / "link.mp4"
    link.symlink_to(source)
    for target in (source, link, tmp_path / "." / "a.mp4"):
        with pytest.raises(UsageError, match="over itself"):
            write_film(source, [(0, 1)], target)
    with open(source, "rb") as file, pytest.raises(UsageError, match="over itself"):
        write_film(file, [(0, 1)], source)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("spans", "error", "match"),
    [
        ([], UsageError, "no span"),
        ([(1.0, 1.0)], UsageError, "empty"),
        ([(1.0, 0.5)], UsageError, "reversed"),
        ([(1.0, 9.0)], InputError, "outside"),
        ([(-3.0, 1.0)], InputError, "outside"),
        ([(0.505, 0.508)], InputError, "shorter than a frame"),
        ([(0.5,)], UsageError, "list of spans"),
        ([(float("nan"), 1.0)], UsageError, "list of spans"),
        ("0-1", UsageError, "list of spans"),
        ([(0.0, 1.0)] * 10_001, UsageError, "too many"),
    ],
)
def test_bad_spans(tmp_path: Path, spans: Any, error: type[Exception], match: str) -> None:
    source = make(tmp_path / "a.mp4")
    with pytest.raises(error, match=match):
        write_film(source, spans, tmp_path / "cut.mp4")
    assert not (tmp_path / "cut.mp4").exists()


def test_bad_films_and_paths(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4")
    with pytest.raises(UsageError, match="not written"):
        write_film(source, [(0, 1)], tmp_path / "cut.gif")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write_film(source, [(0, 1)], tmp_path / "folder.mp4")
    with pytest.raises(UsageError, match="not there"):
        write_film(source, [(0, 1)], tmp_path / "none" / "cut.mp4")
    with pytest.raises(InputError, match="no such video"):
        write_film(tmp_path / "none.mp4", [(0, 1)], tmp_path / "cut.mp4")
    with pytest.raises(InputError, match="cannot be cut"):
        write_film(iter([]), [(0, 1)], tmp_path / "cut.mp4")
    with pytest.raises(DecodeError):
        write_film(b"x" * 1000, [(0, 1)], tmp_path / "cut.mp4")
    with pytest.raises(LimitExceeded):
        write_film(source, [(0, 1)], tmp_path / "cut.mp4", limits=Limits(max_duration_s=1))


def test_a_film_cut_short_is_an_error_or_what_is_there(tmp_path: Path) -> None:
    """Whatever is left of a damaged film: frames that are there, or a typed error, and never half a file."""
    source = make(tmp_path / "a.mkv", options=B_FRAMES)
    data = source.read_bytes()
    target = tmp_path / "new" / "cut.mp4"
    target.parent.mkdir()
    for part in (0.3, 0.6, 0.95):
        short = tmp_path / "short.mkv"
        short.write_bytes(data[: int(len(data) * part)])
        try:
            write_film(short, [(0.0, 0.2)], target)
        except (InputError, DecodeError):
            assert not target.exists()
        else:
            assert numbers_of(target) == list(range(5))
            target.unlink()
