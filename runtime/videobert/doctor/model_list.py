"""The models that can be asked for by a name: those that are here, and those that could be."""

from __future__ import annotations

from videobert.base.errors import UntrustedError
from videobert.doctor.model_summary import summarize
from videobert.get.catalogue import OBTAINABLE
from videobert.model.folder import bundled_names
from videobert.model.folder_parts import Problem
from videobert.model.got import got_names
from videobert.model.summary import ModelList, ObtainableModel


def list_models() -> ModelList:
    """Every model that `videobert.load` finds by a bare name, looked into as `videobert show` does."""
    here, problems = {}, []
    got = got_names()
    for name in (*bundled_names(), *got):
        try:
            here[name] = summarize(name)
        except UntrustedError as error:
            problems.append(Problem(what=f"{name}: {error.what}: {error.seen}", fix=error.fix_cli or ""))
    return ModelList(
        here=here,
        obtainable=tuple(
            ObtainableModel(
                name=model.name,
                command=f"videobert get {model.typed}",
                knows=model.knows,
                download_bytes=model.download_bytes,
                size_bytes=model.size_bytes,
            )
            for model in OBTAINABLE
            if model.name not in got
        ),
        problems=tuple(problems),
    )
