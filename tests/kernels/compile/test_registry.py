"""Operators are found by their folders, and what could not be shipped is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert_kernels.compile.registry import all_variants, operators
from videobert_kernels.errors import KernelError
from videobert_kernels.variant import KernelVariant

HERE = Path(__file__).parent


def test_operators_are_found_by_their_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    assert operators("planted") == ("broken", "sound")
    assert {"spills", "scaled_fp32"} < {variant.name for variant in all_variants("planted")}


@pytest.mark.parametrize("name", ["Upper", "../up", "", "a" * 101])
def test_a_name_that_cannot_be_a_file_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    from planted.sound import configs

    monkeypatch.setattr(configs, "variants", lambda: (KernelVariant(name=name, kernel="", arguments={}, constants={}),))
    with pytest.raises(KernelError, match="not a name"):
        all_variants("planted")


def test_two_variants_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    from planted.sound import configs

    sound = KernelVariant(name="scaled", kernel="", arguments={}, constants={})
    monkeypatch.setattr(configs, "variants", lambda: (sound, sound))
    with pytest.raises(KernelError, match="two kernel variants"):
        all_variants("planted")
