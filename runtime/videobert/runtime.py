"""`load` and `Runtime`: the public face of the package; what a Runtime can be asked is in `verbs.py`."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from videobert.base.arguments import flag, local_path
from videobert.base.cpu_threads import thread_limit
from videobert.base.limits import Limits, limits_or_default
from videobert.engines.base import Engine, EngineOptions, Hint
from videobert.engines.selection import open_engine
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder
from videobert.model.precision import Precision
from videobert.model.recipe import Recipe
from videobert.pipeline.lifetime import Lifetime
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.warm_up import warm_up
from videobert.results.origin import Origin
from videobert.verbs import Verbs
from videobert.video.decoders.choice import check_decoder, decoder_for_engine
from videobert.video.decoders.decoder_threads import MEASURED, MeasuredThreads, check_decoder_threads
from videobert.visual.codebook import Codebook

if TYPE_CHECKING:
    from typing import Self


def load(
    name_or_folder: str | Path,
    *,
    device: str = "auto",
    engine: str = "auto",
    limits: Limits | None = None,
    threads: int | None = None,
    decoder_threads: int | Literal["measured"] | None = None,
    hint: Hint = "latency",
    precision: Precision = "auto",
    cache_dir: str | Path | None = None,
    decoder: str = "auto",
    rebuild_engines: bool = False,
    trust_engines: bool = False,
) -> Runtime:
    """Open a model and compile it for this machine.

    Args:
        name_or_folder: a bundled name, such as `"shapes"`, one that `videobert get` has put here, such as `"everyday"`,
            or a model folder.
        device: `"auto"` (the CPU), `"cpu"` or `"cuda"`.
        engine: `"auto"`, `"openvino"`, `"tensorrt"` or `"torch"`. One asked for by name runs or is an error; auto may
            fall back, and every answer's `origin.fallback` then says why.
        limits: what is accepted as input; the defaults of `Limits` if not given.
        threads: most CPU threads that compute at a time in a call, whatever they do: decoding, the model, the search
            for tokens. Reading a video and running the model then take turns. None is what `OMP_NUM_THREADS` or the
            CPU quota of a container says, and where neither asks for fewer than all processors of this process, all of
            them, with the video read beside the model. Answers do not depend on it.
        decoder_threads: how many threads decode a video on the CPU, 1 to 16. With `threads=n` at most n - 1, at least
            1, n being what one clip has where several share the threads. None is as many as there are processors, at
            most 16, or where threads are limited as many as they leave. `"measured"` tries these and fewer on the film
            of the bundled model, with this model, and takes the fastest: for some seconds, while this process and the
            machine do nothing else, and once, since the cache remembers it. `Runtime.decoder_threads` says what it is.
            Pictures smaller than 640 x 360 are decoded by the calling thread alone, and DALI has at most 4. Answers do
            not depend on it; those of a damaged film may, see `docs/recipe.md`.
        hint: `"latency"`, all threads on one clip, or `"throughput"`, several clips at a time.
        precision: `"auto"`, bf16 where the hardware multiplies it natively, else fp32, and for `"everyday"`, which is
            known to be as right so, int8 where the hardware sums products of 8-bit values; or one of the two; or
            `"exact"`, the two, but clips whose visual token could be another in fp32 are computed again in it:
            `origin.recomputed` says how many. It needs a margin that was measured for the model, see
            `videobert build --clips`; the torch engine runs it in fp32. Or `"int8"`, the two, but with the backbone on
            8-bit values, faster and with other tokens now and then, in a model that
            `videobert build --precision int8 --clips` has made ready for it; `origin.int8` names the stages.
        cache_dir: where compiled graphs are kept; None is `$XDG_CACHE_HOME/videobert` or `~/.cache/videobert`.
        decoder: what reads videos: `"pyav"`; `"dali"`, on NVDEC where there is a GPU, else on the CPU; or `"auto"`,
            DALI where the model runs on a GPU and NVDEC is there, else PyAV. DALI reads some kinds of video only: for
            the rest PyAV steps in, and the answer's `origin.decoder_fallback` says why.
        rebuild_engines: let the tensorrt engine build engines that are missing, or were built for another GPU or
            version, instead of refusing; takes minutes.
        trust_engines: load the compiled engines and kernels of the model folder though someone else built them, or
            this user on another machine. They are code: say so only of a folder from someone you trust.

    Raises:
        ModelError: the folder is missing something or damaged.
        UntrustedError: someone else built the engines that were asked for by name.
        EngineUnavailable: the engine, device or decoder asked for cannot run here.
        UsageError: an option that is not known, or of the wrong kind.
    """
    accepted = limits_or_default(limits)
    limit = thread_limit(threads)
    # What the environment grants limits nobody who asks for more.
    given = None if threads is None else limit
    measured = isinstance(decoder_threads, str) and decoder_threads == MEASURED
    number = None if measured else check_decoder_threads(decoder_threads, given, measurable=True)
    check_decoder(decoder)
    options = EngineOptions(
        threads=limit,
        hint=hint,
        precision=precision,
        cache_dir=None if cache_dir is None else local_path("cache_dir", cache_dir),
        rebuild_engines=flag("rebuild_engines", rebuild_engines),
        trust_engines=flag("trust_engines", trust_engines),
    )
    # A name stays text: a path is never a bundled model.
    place = local_path("name_or_folder", name_or_folder)
    folder = ModelFolder(name_or_folder if isinstance(name_or_folder, str) else place)
    opened = open_engine(folder, engine=engine, device=device, options=options)
    try:
        opened.prepare()
        if given is not None:
            # How many clips at a time share the threads is known only now.
            check_decoder_threads(number, given, clips=opened.parallel, measurable=True)
        runtime = Runtime(folder, opened, accepted, decoder=decoder, threads=limit, decoder_threads=number)
    except BaseException:
        opened.close()
        raise
    if measured:
        runtime._measure_decoder_threads(options.cache_dir)
    return runtime


class Runtime(Verbs):
    """A loaded model. Thread-safe; close it when done, or use it in a `with` block. A forked process needs its own.

    Every verb takes as a video: a path, bytes, a binary file object, a `FrameArray`, an iterator of
    `(frame, time_s)`, `VisualTokens`, `VideoFeatures`, or the path of a file of either. Verbs share these arguments,
    their `reading`:

    stride: every how many clips one is used, 1 to 5; None is the model's own.
    track: which video track of a file is read, from 0 in its order; None is the one that a player would show.
    on_progress: called with seconds of video done and in total (None if not known).
    cancel: a `threading.Event`; set it, and the call ends with `Cancelled`.

    Errors shared by the verbs: `InputError` (and its kinds `UsageError`, `DecodeError` and `LimitExceeded`),
    `MismatchError` for tokens of another model, `ModelError` for a verb whose head the model lacks, `Cancelled`.
    A model without a codebook does `fill` and `embed` of a text; a video is a `ModelError` that says how to make one.

    Args:
        folder: the opened model folder.
        engine: what runs its graphs; the Runtime closes it.
        limits: what is accepted as input.
        decoder, threads, decoder_threads: see `load`; the engine was opened with its own.
    """

    def __init__(
        self,
        folder: ModelFolder,
        engine: Engine,
        limits: Limits,
        *,
        decoder: str = "auto",
        threads: int | None = None,
        decoder_threads: int | None = None,
    ) -> None:
        accepted = limits_or_default(limits)
        reads = decoder_for_engine(decoder, takes_device_arrays=engine.takes_device_arrays)
        decoding = check_decoder_threads(decoder_threads)
        self._opened = OpenedModel(folder, engine, accepted, *reads, threads=threads, decoder_threads=decoding)
        self._lifetime = Lifetime(self._opened)

    def __repr__(self) -> str:
        origin = self.origin
        return f"Runtime(model={origin.model!r}, engine={origin.engine!r}, precision={origin.precision!r})"

    @property
    def config(self) -> ModelConfig:
        """Architecture, sizes, heads and questions of the model."""
        return self._opened.config

    @property
    def recipe(self) -> Recipe:
        """How pixels become a clip for this model."""
        return self._opened.recipe

    @property
    def codebook(self) -> Codebook:
        """What turns features into visual tokens; a ModelError if the model's folder has no codebook yet."""
        return self._opened.codebook

    @property
    def origin(self) -> Origin:
        """Model, engine, device and precision, as every answer quotes them."""
        return self._opened.origin()

    @property
    def decoder_threads(self) -> int | MeasuredThreads | None:
        """How many threads decode a video: the number that was asked for, or what was measured; None for all."""
        return self._opened.decoder_threads

    def warmup(self) -> None:
        """Run every stage once and prepare the model's questions, so that the first answer does not pay for that."""
        with self._lifetime.using() as opened:
            warm_up(opened)

    def _measure_decoder_threads(self, cache_dir: Path | None) -> None:
        from videobert.pipeline.measured_threads import measured_threads

        try:
            self._opened.decoder_threads = measured_threads(self._opened, cache_dir)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Wait for calls that are under way in other threads, then give back threads and memory.

        Streams are not waited for: they end here, also one that another thread is reading, at its next frame. Calling
        this again does no harm; if the first was interrupted, the next one goes on. In a process forked from the one
        that loaded the model it does nothing.

        Raises:
            InputError: called from inside one of the verbs, such as from its `on_progress`.
        """
        self._lifetime.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
