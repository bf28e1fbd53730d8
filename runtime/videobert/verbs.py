"""What a `Runtime` can be asked: one method per verb, the arguments that all of them share told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from videobert.base.arguments import flag
from videobert.base.cancelling import Stop
from videobert.index.reader import IndexReader
from videobert.pipeline.label_sentence import AT_LEAST
from videobert.pipeline.lifetime import Lifetime
from videobert.pipeline.request import Reading, Request
from videobert.results.align import Alignment
from videobert.results.answer import Answer
from videobert.results.caption import Captions
from videobert.results.classify import Classification
from videobert.results.each import Each
from videobert.results.edit import EditPlan
from videobert.results.embed import Embedding
from videobert.results.events import Events
from videobert.results.fill import Fill
from videobert.results.forecast import Forecast
from videobert.results.index import Indexed
from videobert.results.locate import Located
from videobert.results.run import Report
from videobert.results.search import Found
from videobert.results.sentiment import Sentiment
from videobert.results.summarize import Summary
from videobert.tasks.align import align
from videobert.tasks.answer import answer
from videobert.tasks.caption import caption
from videobert.tasks.classify import classify
from videobert.tasks.each import each
from videobert.tasks.edit import edit
from videobert.tasks.embed import embed
from videobert.tasks.events import events
from videobert.tasks.features import features
from videobert.tasks.fill import fill
from videobert.tasks.forecast import forecast
from videobert.tasks.index import OnBegin, OnFile, index
from videobert.tasks.locate import locate
from videobert.tasks.run import run
from videobert.tasks.search import search
from videobert.tasks.segments import Segments
from videobert.tasks.sentiment import sentiment
from videobert.tasks.stream import ReportStream
from videobert.tasks.summarize import summarize
from videobert.tasks.tokens import tokens
from videobert.visual.codebook import Assignment
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures

if TYPE_CHECKING:
    from videobert.editing.spans import SpanLike
    from videobert.video.clip import Clip
    from videobert.video.open import VideoSource

    Video = VideoSource | Iterable[Clip] | VisualTokens | VideoFeatures

Given = TypeVar("Given")


class Verbs:
    """The verbs of a `Runtime`, where videos and the arguments named `reading` are described."""

    _lifetime: Lifetime

    def tokens(
        self,
        video: Video,
        *,
        assignment: Assignment | None = None,
        **reading: Unpack[Reading],
    ) -> VisualTokens:
        """The visual tokens of a video, one for each clip, with times and distance percentiles.

        Args:
            assignment: `"flat"`, the exact nearest centroid, or `"tree"`; see `Codebook.assign`. None is flat for a
                video, and whatever they are for saved tokens; saved tokens of another kind are a `MismatchError`.
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return tokens(opened, video, Request.reading(assignment, **reading))

    def features(
        self,
        video: Video,
        **reading: Unpack[Reading],
    ) -> VideoFeatures:
        """What the networks see in each clip of a video, to be saved and asked later: every verb takes it as a video.

        Args:
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return features(opened, video, Request.reading(**reading))

    @overload
    def embed(self, video: Video | None = None, text: str | None = None, **reading: Unpack[Reading]) -> Embedding: ...

    @overload
    def embed(
        self, video: None = None, *, text: list[str] | tuple[str, ...], **reading: Unpack[Reading]
    ) -> list[Embedding]: ...

    def embed(
        self,
        video: Video | None = None,
        text: str | list[str] | tuple[str, ...] | None = None,
        **reading: Unpack[Reading],
    ) -> Embedding | list[Embedding]:
        """A video, a text or both as one vector; or each of several texts, together and so sooner.

        Of a joint encoder it is the final state of `[CLS]`, averaged over windows of the video: vectors of one kind are
        comparable with each other. Where text and video lie in one space the result's `comparable` is True, and vectors
        have length one.

        Args:
            text: one, or without a video a list of texts, whose vectors come in a list: the same as of each alone.
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return embed(opened, video, text, Request.reading(**reading))

    def fill(
        self,
        text: str,
        video: Video | None = None,
        visual: Iterable[int] = (),
        *,
        top: int = 5,
        **reading: Unpack[Reading],
    ) -> Fill:
        """Ranked answers for each `[MASK]` of the text and each masked moment of the video.

        All masked places of a window are hidden at once. A video longer than the model's window is cut into windows:
        a word's answer is the mean of its log-probabilities over all of them, a moment's comes from the window that
        holds it.

        Args:
            text: words, with `[MASK]`, or what the tokenizer calls it, such as `<mask>`, for each that is wanted. Other
                special words in it are plain text.
            visual: positions in the video's tokens, from 0.
            top: answers to each place.
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return fill(opened, text, video, visual, top, Request.reading(**reading))

    def classify(
        self,
        video: Video,
        labels: Iterable[str] | None = None,
        templates: Iterable[str] | None = None,
        *,
        question: str | None = None,
        window_clips: int | None = None,
        top: int = 5,
        prior_strength: float = 1.0,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Classification:
        """Which of some labels fits each window of the video, without training.

        With a joint encoder each label is scored where the templates have their blank, relative to the other labels,
        the mean over templates; what the same templates say without the video is subtracted. Where text and video lie
        in one space, each label is judged by its meaning and "none of these" is an answer. A question that a classifier
        of the model answers has its own labels.

        Args:
            labels: what to choose from; those of `question` if not given. A label may have several words.
            templates: sentences with one `[MASK]`, or with `{label}`; those of `question` if not given. A model whose
                text and video lie in one space needs none.
            question: one of `config.questions`.
            window_clips: clips to one answer; the model's own window if not given.
            top: answers to each window.
            prior_strength: how much of the text-only score is subtracted: 1 all, 0 none.
            evidence: whether to say, for each window, what each of its clips adds; see `Evidence` for what that costs.
            reading: see `Runtime`.
        """
        with_evidence = flag("evidence", evidence)
        with self._lifetime.using() as opened:
            return classify(
                opened,
                video,
                labels,
                templates,
                question,
                window_clips,
                top,
                prior_strength,
                with_evidence,
                Request.reading(**reading),
            )

    def align(
        self,
        video: Video,
        text: str,
        *,
        window_clips: int | None = None,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Alignment:
        """How likely it is that this text belongs to this video, as a whole and window by window.

        Args:
            window_clips: clips to one window; the model's own window if not given.
            evidence: whether to say, for each window, what each of its clips adds; see `Evidence` for what that costs.
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return align(opened, video, text, window_clips, flag("evidence", evidence), Request.reading(**reading))

    def caption(
        self,
        video: Video,
        *,
        span: tuple[float, float] | None = None,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Captions:
        """Sentences about a video, each about a stretch of it: stretches are found as `events` does, then described.

        A model with a decoder writes them. Of one without they are put together of its answers to its questions, and
        `method` says so; where those are left open, the sentence says that, and `unsure` is True.

        Args:
            span: start and end in seconds, for one sentence about what lies between.
            evidence: whether to say, for each sentence, what each clip adds; see `Evidence`.
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return caption(opened, video, span, flag("evidence", evidence), Request.reading(**reading))

    def answer(
        self,
        video: Video,
        question: str,
        *,
        choices: Iterable[str] | None = None,
        span: tuple[float, float] | None = None,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Answer:
        """A question about a video, with the stretch that answers it.

        Choices are held against the video each for itself, or at the `[MASK]` of the question if it has one. A question
        of yes or no, "is there a red circle?", "does someone flip a pancake?", becomes a statement by a small grammar
        (`videobert.text.yes_no`). Any other needs a model that writes sentences.

        Args:
            choices: answers to choose from, two or more.
            span: `(start_s, end_s)` of what is asked about; None for all of the video.
            evidence: whether to say what each clip of the stretch adds; see `Evidence`.
            reading: see `Runtime`.

        Raises:
            InputError: a question of yes or no that the grammar does not reach, or a span that is not of this video.
            ModelError: an open question to a model that writes no sentences; the error names those that do.
        """
        asked = Request.reading(**reading)
        with self._lifetime.using() as opened:
            return answer(opened, video, question, choices, span, flag("evidence", evidence), asked)

    def events(
        self,
        video: Video,
        *,
        labels: Iterable[str] | None = None,
        question: str | None = None,
        at_least: float = AT_LEAST,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Events:
        """What goes on in a video, and from when to when: runs of clips that get the same answer.

        Clips are laid in shots, so none shows two scenes, and events begin and end at cuts where what is seen changes
        there. Inside a shot, neighbours are heard too.

        Args:
            labels: what may go on. Where text and video lie in one space each is judged by its meaning, and several may
                fit at once; a model that answers by templates chooses among them, in those of `question`.
            question: one of `config.questions`; all of them if neither is given.
            at_least: the probability from which a label counts.
            evidence: whether to say, for each event, what each of its clips adds; see `Evidence`.
            reading: see `Runtime`.
        """
        with_evidence = flag("evidence", evidence)
        with self._lifetime.using() as opened:
            return events(opened, video, labels, question, at_least, with_evidence, Request.reading(**reading))

    def index(
        self,
        videos: str | Path | Iterable[str | Path],
        out: str | Path,
        *,
        retry: bool = False,
        on_begin: OnBegin | None = None,
        on_file: OnFile | None = None,
        **reading: Unpack[Reading],
    ) -> Indexed:
        """Videos as an index that `search` asks; one that is there already is brought up to date.

        A file that did not change is skipped, one that moved is recognised by its content, one that changed is indexed
        again, and those that are gone from a folder leave the index. A file that cannot be used is recorded, and the
        rest goes on. What `on_file` was told of is kept, however the process ends; the next call goes on from there.

        Args:
            videos: a file or folder, or an iterable of these. What an index knew of a folder and is not there any more
                leaves it; files outside the folders stay.
            out: the folder of the index, made if it is missing.
            retry: try files again that failed before and did not change since.
            on_begin: called with the path of each file, its number and how many there are.
            on_file: called with an `IndexedFile` once what became of it is on the disk.
            reading: see `Runtime`; `on_progress` is told of the file that is read.

        Raises:
            MismatchError: an index of another model, recipe or stride.
            InputError: another call or process writes to it.
            UsageError: `out` holds something else.
            ModelError: the index is damaged, or the model embeds nothing.
            EngineUnavailable: faiss is not installed.
        """
        with self._lifetime.using() as opened:
            return index(opened, videos, out, retry, on_begin, on_file, Request.reading(**reading))

    def search(
        self,
        query: str | Video,
        index: str | Path | IndexReader,
        *,
        span: tuple[float, float] | None = None,
        top: int = 10,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Found:
        """The stretches of an index that a text, a video or a stretch of one is about, best first.

        Args:
            query: a text; or a video, whose path must be a `pathlib.Path` here.
            index: its folder; or what `open_index` gave, which spares opening it for every question.
            span: of a video, `(start_s, end_s)` of the stretch that is meant.
            top: most hits.
            evidence: whether to say, for each hit, what each of its clips adds, by the index alone; see `Evidence`.
            reading: see `Runtime`.

        Raises:
            MismatchError: an index of another model, recipe or stride.
            InputError: there is no index, or the query cannot be used.
            ModelError: the index is damaged, or the model embeds nothing.
            LimitExceeded: text and video of the model have no space in common, and the index has too many stretches to
                hold a text against each.
            EngineUnavailable: faiss is not installed.
        """
        with self._lifetime.using() as opened:
            return search(opened, query, index, span, top, flag("evidence", evidence), Request.reading(**reading))

    def forecast(
        self,
        video: Video,
        *,
        ahead: int | Iterable[int] = (1, 2, 3),
        top: int = 5,
        index: str | Path | IndexReader | None = None,
        context_clips: int | None = None,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Forecast:
        """Which visual tokens come after the end of the video, with probabilities, at several times.

        By a model trained to tell the next token, or by one that fills in hidden moments: it is asked for hidden places
        behind the video.

        Args:
            ahead: how many clips ahead, 1 being the next one, or several such numbers; with a stride, so many used
                clips.
            top: tokens at each time.
            index: of videos, made with this model: each token gets the stretches there that look most like it.
            context_clips: the last clips of the video that it goes on from; None is the model's own window, or of a
                model trained to tell the next token all that fits.
            evidence: whether to say what each of those clips adds to the likeliest token of the first time; see
                `Evidence`.
            reading: see `Runtime`.

        Raises:
            MismatchError: an index of another model, recipe or stride.
            EngineUnavailable: an index is given, and faiss is not installed.
        """
        asked, with_evidence = Request.reading(**reading), flag("evidence", evidence)
        with self._lifetime.using() as opened:
            return forecast(opened, video, ahead, top, index, context_clips, with_evidence, asked)

    def summarize(
        self,
        video: Video,
        *,
        seconds: float | None = None,
        share: float = 0.15,
        text: str | None = None,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Summary:
        """The stretches of a video that stand for all of it, rare ones too: whole shots, and no longer than asked for.

        Nothing is made up: what it keeps are times of the video. Of a shot that is longer than the whole summary, or
        shows several things, parts are kept.

        Args:
            seconds: most that the stretches may last together; None for a share of the video.
            share: that share, where `seconds` is None; at least one clip.
            text: what the summary should be about, by a model that aligns; None for the whole video.
            evidence: whether to say, for each span, what each of its clips adds to what it was chosen for; see
                `Evidence`.
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return summarize(
                opened, video, seconds, share, text, flag("evidence", evidence), Request.reading(**reading)
            )

    def sentiment(
        self,
        video: Video | None = None,
        *,
        text: str | None = None,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Sentiment:
        """The sentiment of a video, by a question of the model that is called `sentiment`, `mood` or `emotion`.

        A model has such a question from its training, or `videobert learn` makes one of labelled films. The text's
        sentiment is told only where a text is given, apart from the video's: a guess from words that nobody calibrated.

        Args:
            text: a text whose sentiment is wanted, beside the video's or alone.
            evidence: whether to say, for each window, what each of its clips adds; see `Evidence`. A text alone has no
                clips: a UsageError.
            reading: see `Runtime`.

        Raises:
            ModelError: a video alone is given, and the model has no such question; it says how to train one. With a
                text beside it, the text's is told, and `video_unknown` says that of the video is not.
        """
        with self._lifetime.using() as opened:
            return sentiment(opened, video, text, flag("evidence", evidence), Request.reading(**reading))

    def run(
        self,
        video: Video,
        *,
        top: int = 3,
        context_clips: int = 0,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Report:
        """Everything the model can say about a video: time-stamped answers to all its questions.

        Each clip is judged by itself, since neighbours across a cut mislead; stretches with the same answers become
        one segment.

        Args:
            top: answers to each question.
            context_clips: neighbours on either side that a clip is judged with, for a video without cuts.
            evidence: whether to say, for the best answers of each segment, what each of its clips adds; see `Evidence`.
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return run(opened, video, top, context_clips, flag("evidence", evidence), Request.reading(**reading))

    def locate(
        self,
        video: Video,
        text: str,
        *,
        top: int = 5,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> Located:
        """Where in a video is what a text says: stretches of any length, best first, none over another.

        Where text and video lie in one space, clips and stretches of clips are judged by the text's meaning; a joint
        encoder judges whether they belong together, or, without that head, which words they make likelier. Stretches
        begin and end at cuts where the model knows shots. A text that fits nowhere has no hits, unless the model only
        compares (`Located.calibrated`).

        Args:
            text: what to look for, for example "people arm wrestling".
            top: hits, at most.
            evidence: whether to say, for each hit, what each of its clips adds; see `Evidence`.
            reading: see `Runtime`.
        """
        with self._lifetime.using() as opened:
            return locate(opened, video, text, top, flag("evidence", evidence), Request.reading(**reading))

    def edit(
        self,
        video: VideoSource,
        instruction: str | None = None,
        *,
        keep: Iterable[SpanLike] | None = None,
        remove: Iterable[SpanLike] | None = None,
        seconds: float | None = None,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> EditPlan:
        """Which parts of a film stay, in which order, exact to the frame; `write_film` and `write_edit_list` take it.

        At least one of instruction, keep, remove and seconds; done in this order: keep, remove, instruction, seconds.

        Args:
            video: a path, bytes or a file object that can go back.
            instruction: such as "keep only the parts where someone pours, then at most 30 seconds"; the language is
                described in `videobert.editing.grammar`. Texts in it are found as `locate` finds them.
            keep, remove: stretches that alone stay, or go: pairs of seconds, or what has `start_s` and `end_s`.
                Bounds move to the nearest frame's, and what overlaps counts once.
            seconds: the longest that the new film may be.
            evidence: whether to say, for each stretch that a text was found in, what each of its clips adds; see
                `Evidence`. Where nothing is looked for, a UsageError.
            reading: see `Runtime`.
        """
        asked, with_evidence = Request.reading(**reading), flag("evidence", evidence)
        with self._lifetime.using() as opened:
            return edit(opened, video, instruction, keep, remove, seconds, with_evidence, asked)

    def stream(
        self,
        video: Video,
        *,
        top: int = 3,
        context_clips: int = 0,
        evidence: bool = False,
        **reading: Unpack[Reading],
    ) -> ReportStream:
        """The segments of `run`, each as soon as it closes: the next clip is answered otherwise, or the video ends.

        For live input: of an iterator of frames or a pipe, everything that is known is given before the next frame is
        waited for. A file is read ahead, and its clips are answered some at a time. All segments together are those of
        `run` on the same video, to the last digit of every score; only that `run` leaves pictures out of a report of
        more than 512 segments.

        The work is done when the next segment is asked for. Close the stream, or use it in a `with` block, if it may
        not be read to its end.

        Args:
            top, context_clips, evidence: see `run`. With neighbours, a segment waits for those of its last clip and one
                more.
            reading: see `Runtime`.

        Returns:
            An iterator of `ReportSegment`, whose `report()` is the rest of what `run` gives.
        """
        asked, with_evidence = Request.reading(**reading), flag("evidence", evidence)
        stop = Stop(asked.cancel)
        request = replace(asked, cancel=stop)
        stream = ReportStream(
            self._lifetime.using,
            lambda opened: Segments(opened, video, top, context_clips, with_evidence, request, at_once=True),
            stop,
        )
        self._lifetime.add(stream)
        return stream

    def each(
        self,
        videos: str | Path | Iterable[Video],
        ask: Callable[..., Given],
        *,
        at_once: int = 1,
        cancel: Event | None = None,
        **asked: Any,
    ) -> Iterator[Each[Given]]:
        """Ask the same of many videos: one that cannot be used is told as that, and the rest goes on.

        The work is done when the next answer is asked for, in the order of the videos. An error that another video
        would meet too, such as a wrong argument or a head that the model lacks, is raised.

        Args:
            videos: a path, a folder, which is searched with the folders in it, or an iterable of either and of whatever
                else a verb takes. Of a folder without videos what was saved of them is taken.
            ask: a verb of this model, such as `model.tokens`; or a function of a video, which may ask several.
            at_once: how many videos are worked on at a time, in threads, 1 to 64; load the model with
                `hint="throughput"` for more than one.
            cancel: a `threading.Event`, which `ask` is given too; set it, and the next answer is `Cancelled`.
            asked: what else `ask` is given, such as `question="colour"`.

        Raises:
            UsageError: `videos`, `ask` or `at_once` is none.
        """

        def check() -> None:
            with self._lifetime.using():
                pass

        return each(videos, ask, at_once, cancel, asked, check)
