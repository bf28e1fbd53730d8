"""What can be had is pinned in full, and known by its names where it is asked for."""

from __future__ import annotations

import re
import typing

from videobert.cli.verbs import get as verb
from videobert.get.catalogue import OBTAINABLE
from videobert.model import got


def test_everything_is_pinned() -> None:
    for model in OBTAINABLE:
        assert len({source.package for source in model.sources}) == len(model.sources)
        for source in model.sources:
            assert source.file_name.endswith(".whl" if source.kind == "wheel" else ".tar.gz")
            assert source.version in source.file_name
            pins = [(source.sha256, source.size_bytes)]
            pins += [(member.sha256, member.size_bytes) for member in source.members.values()]
            for sha256, size in pins:
                assert re.fullmatch("[0-9a-f]{64}", sha256)
                assert 0 < size < 1 << 28
            assert {"weights", "licence"} <= set(source.members)
        assert model.download_bytes == sum(source.size_bytes for source in model.sources)


def test_its_names_are_those_that_are_looked_for_and_typed() -> None:
    assert {model.name: model.typed for model in OBTAINABLE} == got.OBTAINABLE
    typed = typing.get_type_hints(verb.get.__wrapped__, include_extras=True)["name"]
    assert {model.name for model in OBTAINABLE} <= set(re.findall(r"everyday[a-z-]*", str(typed)))
