"""An opened model: its engine, tokenizer and codebook, and its family, which tasks ask for capabilities."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property, partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from videobert.base.errors import MismatchError, ModelError
from videobert.base.limits import Limits
from videobert.base.spans import span
from videobert.base.version import __version__
from videobert.engines.base import Assign, AssignsTokens, DeviceArray, Engine, RunsInFp32, RunsInt8
from videobert.engines.checked_stages import CheckedStages
from videobert.families.family import Aligns, Capability, ChoosesLabels, Compares, Embeds, Forecasts, Joint
from videobert.families.feature_classifier import FeatureClassifier
from videobert.families.picture_classifier import PictureClassifier
from videobert.families.registry import capabilities_of, lacks, open_family
from videobert.families.untrained import untrained_behind
from videobert.model.exact_margin import exact_margin
from videobert.model.folder import ModelFolder, no_codebook, no_tokens
from videobert.model.got import got_name
from videobert.model.graph_files import portable_graph
from videobert.model.mending import BUNDLED, command, typed
from videobert.model.recipe import Recipe, check_stride
from videobert.model.stage_lists import BACKBONE, stage_specs
from videobert.pipeline.exact_features import ExactFeatures
from videobert.pipeline.features import Seen
from videobert.pipeline.questions import Questions
from videobert.results.origin import Origin
from videobert.text.reader import TextTokenizer
from videobert.video.decoders.available import DecoderName, Device
from videobert.video.decoders.decoder_threads import DecoderThreads
from videobert.visual.codebook import Assignment, Codebook


class OpenedModel:
    """Everything a task needs of a model. Thread-safe.

    Args:
        folder: the opened model folder.
        engine: what runs its graphs.
        limits: what is accepted as input.
        decoder: what reads videos: `"auto"`, `"pyav"` or `"dali"`.
        decode_on: `"cpu"` or `"cuda"`: where `decoder` works and leaves its clips.
        threads: most threads that compute at a time in a call; None for as many as there are processors.
        decoder_threads: how many decode a video; None for as many as `threads` leaves.

    Attributes:
        run: runs a stage, see `CheckedStages`.
        feature_classifiers, picture_classifiers: of the questions that they answer, by name.
        wants_features: whether a walk keeps the features of clips beside their tokens.

    A model whose folder has no codebook yet reads text; whatever needs its visual half raises ModelError. One without
    visual tokens needs none.

    Raises:
        ModelError: tokenizer or codebook is damaged.
        MismatchError: the codebook was made for another backbone, recipe or number of visual tokens.
        ModelError: the engine's precision is exact, and the model has no tokens, no codebook or no margin for it.
    """

    def __init__(
        self,
        folder: ModelFolder,
        engine: Engine,
        limits: Limits,
        decoder: DecoderName = "auto",
        decode_on: Device = "cpu",
        *,
        threads: int | None = None,
        decoder_threads: DecoderThreads = None,
    ) -> None:
        self.config = folder.config
        self._weights = folder.hash
        self.recipe = folder.recipe
        self.engine = engine
        self.limits = limits
        self.decoder: DecoderName = decoder
        self.decode_on: Device = decode_on
        self.decoder_threads = decoder_threads
        self.tokenizer = TextTokenizer(folder.read("tokenizer.json"), folder.config, limits)
        self.run = CheckedStages(engine, stage_specs(folder.config, folder.recipe))
        self.family = open_family(folder.config, self.tokenizer, self.run)
        asked = folder.config.questions
        by_templates = {name: question for name, question in asked.items() if question.answered_by == "templates"}
        self.questions = Questions(by_templates, self.tokenizer, self.family)
        self.feature_classifiers = {
            name: FeatureClassifier(name, question, self.run)
            for name, question in asked.items()
            if question.answered_by == "features"
        }
        self.picture_classifiers = {
            name: PictureClassifier(name, question, self.run)
            for name, question in asked.items()
            if question.answered_by == "pictures"
        }
        self.wants_features = self.family.wants_features or bool(self.feature_classifiers)
        # What is done beside an engine that works on several clips has the threads of one of them.
        self.threads = None if threads is None else max(1, threads // engine.parallel)
        self._folder = folder
        self._codebook = _codebook(folder) if folder.has_codebook else None
        self._assign: Assign | None = None
        if self._codebook is not None:
            self._assign = self._codebook.assign
            if isinstance(engine, AssignsTokens):
                self._assign = engine.assigner(self._codebook)
            elif self.threads is not None:
                self._assign = partial(self._codebook.assign, threads=self.threads)
        self._exact = self._exact_features() if engine.precision == "exact" else None
        self._clips = ThreadPoolExecutor(engine.parallel, thread_name_prefix="videobert-backbone")
        self._by_turns = threads is not None and engine.device == "CPU"
        self._started: list[Future[Any]] = []
        self._starting = threading.Lock()

    @property
    def has_tokens(self) -> bool:
        """Whether the model makes visual tokens of features; if not, it needs no codebook to see."""
        return self.config.has_tokens

    @property
    def sees(self) -> bool:
        """Whether the model has a visual half: a codebook, if it has visual tokens."""
        return self._codebook is not None or not self.has_tokens

    @property
    def codebook(self) -> Codebook:
        """What turns features into visual tokens; ModelError if the model has none."""
        if self._codebook is None:
            raise self._without_codebook()
        return self._codebook

    @cached_property
    def backbone_hash(self) -> str:
        """What names the backbone that made features; of a folder with graphs alone, the graph's own digest."""
        if self._codebook is not None:
            return self._codebook.backbone_hash
        return self._folder.backbone_hash() or self._folder.digest(portable_graph(BACKBONE))[:16]

    @property
    def typed(self) -> str:
        """The model as it is typed on a command line: its name, where it is found by that, else its folder."""
        root = self._folder.root
        return root.name if root.is_relative_to(BUNDLED) else got_name(root) or typed(root)

    @property
    def token_classifier(self) -> FeatureClassifier | None:
        """What says how probable a visual token is; None where its distance to the centroid tells how well it fits."""
        name = self.config.token_question
        return None if name is None else self.feature_classifiers[name]

    @property
    def joint(self) -> Joint:
        """The family of a model that fills in words or moments, or chooses among words; `need` it first."""
        return cast(Joint, self.family)

    @property
    def embeds(self) -> Embeds:
        """The family of a model that embeds; ModelError if it does not."""
        self.need("embeds")
        return cast(Embeds, self.family)

    @property
    def aligns(self) -> Aligns:
        """The family of a model that aligns; ModelError if it does not."""
        self.need("aligns")
        return cast(Aligns, self.family)

    @property
    def forecasts(self) -> Forecasts:
        """The family of a model that forecasts; ModelError if it does not."""
        self.need("forecasts")
        return cast(Forecasts, self.family)

    @property
    def chooses_labels(self) -> ChoosesLabels | None:
        """The family, where it judges labels by their meaning; None where templates are needed."""
        return self.family if isinstance(self.family, ChoosesLabels) else None

    @property
    def compares(self) -> Compares | None:
        """The family, where what it says of a text and a video is a similarity and no probability."""
        return self.family if isinstance(self.family, Compares) else None

    def can(self, capability: Capability) -> bool:
        """Whether the model's family and heads have a capability; what needs a video needs a codebook besides."""
        return capability in capabilities_of(self.config)

    def need(self, capability: Capability) -> None:
        """Refuses a model that lacks a capability; ModelError says which models have it."""
        if not self.can(capability):
            raise lacks(self.config, capability)

    def check_sees(self) -> None:
        """Refuses a model that cannot use any video; ModelError if it has no codebook yet."""
        if not self.sees:
            raise self._without_codebook()

    @property
    def assign(self) -> Assign:
        """`Codebook.assign`, or what the engine does in its place; ModelError if the model has no codebook."""
        if self._assign is None:
            raise self._without_codebook()
        return self._assign

    def recipe_for(self, stride: int | None) -> Recipe:
        """The model's recipe, with another stride if one is asked for."""
        if stride is None:
            return self.recipe
        return self.recipe.replace(stride=check_stride(stride))

    def resting_on(
        self,
        origin: Origin,
        *capabilities: Capability,
        text: bool = False,
        video: bool = False,
        questions: Iterable[str] = (),
    ) -> Origin:
        """The origin of an answer with the untrained parts that it rests on; see `untrained_behind`."""
        found = untrained_behind(self.config, *capabilities, text=text, video=video, questions=questions)
        return dataclasses.replace(origin, untrained=found) if found else origin

    def origin(self, stride: int | None = None) -> Origin:
        """Where an answer made now comes from; what a video adds to it is left open."""
        recipe = self.recipe_for(stride)
        return Origin(
            model=self.config.name,
            weights=self._weights,
            recipe=recipe.hash,
            engine=self.engine.name,
            device=self.engine.device,
            precision=self.engine.precision,
            stride=recipe.stride,
            videobert=__version__,
            fallback=self.engine.fallback,
            int8=self.engine.int8_stages if isinstance(self.engine, RunsInt8) else (),
        )

    @property
    def recomputes(self) -> bool:
        """Whether clips near a tie are computed again, see `Origin.recomputed`."""
        return self._exact is not None

    def feature(self, frames: npt.NDArray[np.uint8] | DeviceArray, method: Assignment = "flat") -> Future[Seen]:
        """Start the backbone on one clip, uint8 `(frames, height, width, 3)`, on the host or on a GPU.

        The networks that answer questions by single pictures see it too. Where threads are limited, the engine's are
        waited for, so that the caller's next work comes after theirs.

        Args:
            method: how the clip's token will be assigned, which decides what lies near a tie.
        """
        future = self._clips.submit(self._feature, frames, method)
        if self._by_turns:
            self._take_turns(future)
        return future

    def close(self) -> None:
        """Stop the threads and close the engine."""
        self._clips.shutdown(wait=True)
        self.engine.close()

    def _without_codebook(self) -> ModelError:
        return no_codebook(self._folder.root) if self.has_tokens else no_tokens(self.config.name)

    def _take_turns(self, future: Future[Any]) -> None:
        with self._starting:
            self._started.append(future)
            started = self._started
            if len(started) < self.engine.parallel:
                return
            self._started = []
        with span("wait"):
            wait(started)

    def _exact_features(self) -> ExactFeatures:
        # What gives the precision exact runs in fp32 too: the selection of engines holds that.
        engine = cast(RunsInFp32, self.engine)
        if not self.has_tokens:
            raise no_tokens(self.config.name)
        margin = exact_margin(self._folder, self.codebook.hash)
        return ExactFeatures(engine, self.run, self.codebook, margin, self.threads)

    def _feature(self, frames: npt.NDArray[np.uint8] | DeviceArray, method: Assignment) -> Seen:
        began = time.perf_counter()
        if isinstance(frames, np.ndarray):
            clips: npt.NDArray[np.uint8] | DeviceArray = frames[None]
        else:
            clips = frames if self.engine.takes_device_arrays else frames.on_host()[None]
        feature, again = self.run(BACKBONE, clips=clips)[0], False
        if self._exact is not None:
            feature, again = self._exact.mended(clips, feature, method)
        pictures = {}
        if self.picture_classifiers:
            shown = frames if isinstance(frames, np.ndarray) else frames.on_host()
            pictures = {name: network.logits(shown) for name, network in self.picture_classifiers.items()}
        return Seen(feature, time.perf_counter() - began, pictures, again)


def _codebook(folder: ModelFolder) -> Codebook:
    codebook = Codebook.from_bytes(folder.read("codebook.safetensors"))
    sizes = (len(codebook), codebook.dim)
    wanted = (folder.config.visual_tokens, folder.config.backbone.feature_dim)
    if sizes != wanted:
        raise MismatchError(
            "the codebook does not fit config.json",
            seen=f"{sizes[0]} visual tokens of {sizes[1]} values",
            allowed=f"{wanted[0]} of {wanted[1]}",
            fix="Put back the codebook that belongs to this model."
            if folder.config.tokens_are_given
            else "Put back the codebook that belongs to this model, or fit the model to another one with "
            f"{command('cluster VIDEOS --model', folder.root, ' --replace')}.",
        )
    # A folder that carries graphs only was checked when it was exported; its manifest ties the files together.
    codebook.check(folder.backbone_hash() or codebook.backbone_hash, folder.recipe.clip_hash)
    return codebook
