"""Arrows point one way, and no import goes in a circle.

The contracts are in pyproject.toml, for import-linter. Each kind of violation is planted in a copy here, so that a
contract that has stopped to hold is seen.
"""

from __future__ import annotations

import graphlib

import pytest
from tests.architecture.house import House, imports, module_name


def test_the_contracts_are_kept(house: House) -> None:
    kept, said = house.lint()
    assert kept, said


UPWARD = "from videobert.cli import main\n"
# What is planted: files with their text, and what the linter must say of it.
PLANTED = {
    "an upward import": (
        {"runtime/videobert/base/planted.py": UPWARD},
        "videobert.base.planted -> videobert.cli",
    ),
    "an upward import inside a function": (
        {"runtime/videobert/model/planted.py": "def late() -> None:\n    import videobert.tasks\n"},
        "videobert.model.planted -> videobert.tasks",
    ),
    "an upward import for type checking": (
        {
            "runtime/videobert/text/planted.py": "from typing import TYPE_CHECKING\n\n"
            "if TYPE_CHECKING:\n    from videobert.pipeline import opened\n"
        },
        "videobert.text.planted -> videobert.pipeline",
    ),
    "an upward import under a condition": (
        {"runtime/videobert/cuda/planted.py": "import sys\n\nif sys.platform == 'x':\n    import videobert.runtime\n"},
        "videobert.cuda.planted -> videobert.runtime",
    ),
    "an upward import that may fail": (
        {"runtime/videobert/visual/planted.py": "try:\n    import videobert.families\nexcept ImportError:\n    pass\n"},
        "videobert.visual.planted -> videobert.families",
    ),
    "a relative upward import": (
        {"runtime/videobert/results/planted.py": "from .. import runtime\n"},
        "videobert.results.planted -> videobert.runtime",
    ),
    "a sideways import between siblings": (
        {"runtime/videobert/report/planted.py": "import videobert.serve\n"},
        "videobert.report.planted -> videobert.serve",
    ),
    "a sideways import between engines and video": (
        {"runtime/videobert/engines/planted.py": "import videobert.video.open\n"},
        "videobert.engines.planted -> videobert.video.open",
    ),
    "a codebook where pixels are read": (
        {"runtime/videobert/video/planted.py": "import videobert.visual.codebook\n"},
        "videobert.video.planted -> videobert.visual.codebook",
    ),
    "a circle inside of a room": (
        {
            "runtime/videobert/base/planted/__init__.py": "",
            "runtime/videobert/base/planted/one.py": "from videobert.base.planted import two\n",
            "runtime/videobert/base/planted/two.py": "def late() -> None:\n    import videobert.base.planted.one\n",
        },
        "No cycles are allowed in videobert.base.planted.",
    ),
    "a circle between the parts of a room": (
        {
            "modeling/videobert_modeling/base/planted/__init__.py": "",
            "modeling/videobert_modeling/base/planted/left/__init__.py": "",
            "modeling/videobert_modeling/base/planted/left/one.py": "from ..right import one\n",
            "modeling/videobert_modeling/base/planted/left/two.py": "",
            "modeling/videobert_modeling/base/planted/right/__init__.py": "",
            "modeling/videobert_modeling/base/planted/right/one.py": "",
            "modeling/videobert_modeling/base/planted/right/two.py": "from ..left import two\n",
        },
        "No cycles are allowed in videobert_modeling.base.planted.",
    ),
    "a loose file": ({"runtime/videobert/planted.py": ""}, "videobert.planted"),
    "a room without a layer": ({"runtime/videobert/planted/__init__.py": ""}, "videobert.planted"),
    "a room without a layer on the modeling side": (
        {"modeling/videobert_modeling/planted/__init__.py": ""},
        "videobert_modeling.planted",
    ),
    "a room without a layer among the kernels": (
        {"kernels/videobert_kernels/planted.py": ""},
        "videobert_kernels.planted",
    ),
    "torch on the run side": (
        {"runtime/videobert/engines/planted.py": "def late() -> None:\n    import torch\n"},
        "videobert.engines.planted -> torch",
    ),
    "onnx on the run side": (
        {"runtime/videobert/model/planted.py": "from onnx import TensorProto\n"},
        "videobert.model.planted -> onnx",
    ),
    "a library of the modeling side that is used nowhere yet": (
        {"runtime/videobert/text/planted.py": "import transformers\n"},
        "videobert.text.planted -> transformers",
    ),
    "a door that is not named": (
        {"runtime/videobert/cli/verbs/planted.py": "def late() -> None:\n    import videobert_modeling.models\n"},
        "videobert.cli.verbs.planted -> videobert_modeling.models",
    ),
    "kernels used where they are only compiled for": (
        {"runtime/videobert/cuda/planted.py": "import videobert_kernels\n"},
        "videobert.cuda.planted -> videobert_kernels",
    ),
    "the command line known to the modeling side": (
        {"modeling/videobert_modeling/models/planted.py": UPWARD},
        "videobert_modeling.models.planted -> videobert.cli",
    ),
    "a running model where only formats are known": (
        {"modeling/videobert_modeling/models/planted.py": "import videobert.pipeline\n"},
        "videobert_modeling.models.planted -> videobert.pipeline",
    ),
    "training known to the models": (
        {"modeling/videobert_modeling/models/planted.py": "import videobert_modeling.train\n"},
        "videobert_modeling.models.planted -> videobert_modeling.train",
    ),
    "the run side known to the kernels": (
        {"kernels/videobert_kernels/ops/planted.py": "import videobert.base.errors\n"},
        "videobert_kernels.ops.planted -> videobert.base.errors",
    ),
    "the gate known to a kernel": (
        {"kernels/videobert_kernels/ops/planted.py": "import videobert_kernels.compile\n"},
        "videobert_kernels.ops.planted -> videobert_kernels.compile",
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_turns_the_contracts_red(kind: str, copy: House) -> None:
    files, said_of_it = PLANTED[kind]
    for name, text in files.items():
        copy.plant(name, text)
    kept, said = copy.lint()
    assert not kept
    assert said_of_it in said, said


def circle(house: House) -> list[str]:
    """A circle of modules, packages' own files included, which the linter does not follow; empty if there is none."""
    files = {module_name(house, path): path for path in house.sources()}
    edges: dict[str, set[str]] = {}
    for name, path in files.items():
        wanted = set(imports(house, path, top_level_only=False))
        # `from package import name` is an import of the module `package.name`, or of what `package` itself has.
        targets = {target if target in files else target.rpartition(".")[0] for target in wanted}
        edges[name] = {target for target in targets if target in files and target != name}
    # Of the package itself, its modules take the compiled core, which is no Python file, and its version.
    for targets in edges.values():
        targets.discard("videobert")
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_goes_round_by_its_package(house: House) -> None:
    assert not circle(house)


def test_a_circle_through_a_package_is_seen(copy: House) -> None:
    copy.plant("runtime/videobert/base/planted/__init__.py", "from videobert.base.planted.one import name\n")
    copy.plant("runtime/videobert/base/planted/one.py", "from videobert.base.planted import other\nname = 1\n")
    assert {"videobert.base.planted", "videobert.base.planted.one"} <= set(circle(copy))


def uses_of_the_front_door(house: House) -> set[str]:
    """Files that import what the package `videobert` itself exports, instead of the room that has it.

    The command line and the evaluation of a trained model are users like any other.
    """
    outside = (house.runtime / "cli", house.modeling / "train" / "shapes" / "evaluate.py")
    return {
        house.shown(path)
        for path in house.sources(*house.packages)
        if not any(path.is_relative_to(place) for place in outside)
        and any(
            name == "videobert" or (name.count(".") == 1 and name.startswith("videobert.") and not _room(house, name))
            for name in imports(house, path, top_level_only=False)
        )
    }


def _room(house: House, name: str) -> bool:
    """Whether `videobert.NAME` is a room, a loose file or the compiled core."""
    last = name.split(".")[1]
    return last == "_native" or (house.runtime / last).is_dir() or (house.runtime / f"{last}.py").is_file()


def test_the_front_door_is_for_those_who_come_from_outside(house: House) -> None:
    assert uses_of_the_front_door(house) <= {"runtime/videobert/__init__.py"}


@pytest.mark.parametrize("code", ["from videobert import Runtime", "def late():\n    import videobert"])
@pytest.mark.parametrize("room", ["runtime/videobert/base", "modeling/videobert_modeling/models"])
def test_a_room_that_uses_the_front_door_is_seen(room: str, code: str, copy: House) -> None:
    copy.plant(f"{room}/planted.py", code)
    assert f"{room}/planted.py" in uses_of_the_front_door(copy)
