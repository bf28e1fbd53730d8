"""Nothing leaves the machine: no connection, no process, and no file outside the cache and what was asked for."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import videobert

ROOT = Path(__file__).parents[2]
CLIP = Path(videobert.__file__).parent / "bundled" / "shapes" / "clip.mp4"
WATCHED = Path(__file__).with_name("watched_child.py")


@dataclass(frozen=True)
class Seen:
    """What code did: lines told, the exit status, stdout and stderr, and the files that lie there afterwards."""

    told: tuple[str, ...]
    held: bool
    status: int
    said: str
    files: tuple[str, ...]


def watched(code: str, folder: Path) -> Seen:
    """Runs code in a process with an empty home and nothing in its environment: CI switches telemetry off."""
    places = {name: folder / name for name in ("home", "cache", "config", "data", "state", "run", "tmp", "out", "here")}
    for place in places.values():
        place.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(places["home"]),
        "TMPDIR": str(places["tmp"]),
        "XDG_CACHE_HOME": str(places["cache"]),
        "XDG_CONFIG_HOME": str(places["config"]),
        "XDG_DATA_HOME": str(places["data"]),
        "XDG_STATE_HOME": str(places["state"]),
        "XDG_RUNTIME_DIR": str(places["run"]),
        "OUT": str(places["out"]),
        "CLIP": str(CLIP),
    }
    allowed = [str(places["cache"] / "videobert"), str(places["out"])]
    # -B: what the interpreter keeps of modules beside them is its own.
    done = subprocess.run(
        [sys.executable, "-B", str(WATCHED), code, *allowed],
        env=environment,
        cwd=places["here"],
        capture_output=True,
        text=True,
        timeout=250,
    )
    lines = done.stdout.splitlines()
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path not in places.values())
    return Seen(
        told=tuple(line for line in lines if line.startswith("told: ")),
        held="held: True" in lines,
        status=done.returncode,
        said=done.stdout + done.stderr,
        files=tuple(files),
    )


_VERBS = """
import os
import videobert

with videobert.load("shapes", {options}) as model:
    tokens = model.tokens(os.environ["CLIP"])
    kept = model.features(os.environ["CLIP"])
    assert len(tokens) and tokens.origin.engine == "{engine}", tokens.origin
    model.fill("a [MASK] square", tokens, [0])
    model.classify(tokens, question="colour")
    model.align(tokens, "a red square")
    model.caption(tokens)
    model.events(tokens)
    model.answer(tokens, "is there a red heart?", evidence=True)
    model.forecast(tokens)
    model.locate(tokens, "a red square")
    model.summarize(tokens)
    model.sentiment(tokens, text="it is sad")
    model.embed(tokens, "a red square")
    index = os.path.join(os.environ["OUT"], "films.index")
    model.index(os.environ["CLIP"], index)
    found = videobert.search_page(model.search("a red square", index))
    plan = model.edit(os.environ["CLIP"], "keep only the parts where a yellow star bounces")
    videobert.write_film(os.environ["CLIP"], plan, os.path.join(os.environ["OUT"], "cut.mp4"))
    videobert.write_edit_list(plan, os.path.join(os.environ["OUT"], "cut.edl"))
    page = videobert.html_page(model.run(os.environ["CLIP"]))
    tokens.save(os.path.join(os.environ["OUT"], "tokens.npz"))
    kept.save(os.path.join(os.environ["OUT"], "kept.vbf"))
print("done")
"""
_COMMAND = """
import os, sys
from videobert.cli.main import main

for words in (["run", os.environ["CLIP"], "--html", os.environ["OUT"] + "/a.html"], ["tokens", os.environ["CLIP"]]):
    try:
        main(words)
    except SystemExit as ended:
        assert not ended.code, ended
print("done")
"""
# All of `get` but a download, which is pip's: what can be had, what is here, and files that were given.
_GET = """
import os, sys
from pathlib import Path

out = Path(os.environ["OUT"])
os.environ["VIDEOBERT_MODELS"] = str(out / "models")
sys.path.insert(0, {root!r})
from tests.runtime.get.archive_maker import make_obtainable
from videobert.cli.main import main
from videobert.get.obtain import obtain
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe
import json

def make(model, read, folder, on_step):
    for source in model.sources:
        (folder / source.package).write_bytes(read(source)["weights"])
    (folder / "config.json").write_text(json.dumps(ModelConfig(name="any", words=1, visual_tokens=1).to_json()))
    (folder / "recipe.json").write_text(json.dumps(Recipe().to_json()))

model = make_obtainable(out / "shelf")
for was in ("absent", "whole"):
    assert obtain(model, make, edition="1", given=[out / "shelf"]).was == was
film = os.environ["CLIP"]
for words, code in ((["get"], 0), (["models"], 0), (["get", "everyday", "--from", film], 3), (["get", "--json"], 0)):
    try:
        main(words)
    except SystemExit as ended:
        assert (ended.code or 0) == code, (words, ended)
print("done")
"""
_NO_GPU = """
import videobert
from videobert.cuda.choice import BACK_ENDS, open_driver

for name in BACK_ENDS:
    try:
        open_driver(name).close()
    except videobert.EngineUnavailable:
        pass
try:
    videobert.load("shapes", engine="tensorrt").close()
except (videobert.EngineUnavailable, videobert.ModelError):
    pass
print("done")
"""
_MODELING = """
import json, os, shutil
from pathlib import Path
from videobert.cli.main import main

out = Path(os.environ["OUT"])
made = shutil.ignore_patterns("graphs", "manifest.json")
shutil.copytree(Path(os.environ["CLIP"]).parent, out / "model", ignore=made)
model = str(out / "model")
cluster = ["cluster", os.environ["CLIP"], "--model", model, "--replace", "--branching", "2", "--depth", "2"]
stretches = [
    {"video": os.environ["CLIP"], "start": 1.5 * number, "end": 1.5 * number + 1.5, "labels": {"half": half}}
    for number, half in enumerate(("first", "first", "second", "second"))
]
data = out / "data.jsonl"
data.write_text("\\n".join(map(json.dumps, stretches)), encoding="utf-8")
learn = ["learn", model, str(data), "--out", str(out / "taught"), "--features", str(out / "features"), "--quiet"]
for words in ([*cluster, "--quiet"], learn, ["build", model, "--quiet"], ["doctor", "--help"]):
    try:
        main(words)
    except SystemExit as ended:
        assert not ended.code, ended
print("done")
"""
_USES = {
    "import": "import videobert\nfor name in videobert.__all__: getattr(videobert, name)\nprint('done')",
    "openvino": _VERBS.format(options="", engine="openvino"),
    "throughput": _VERBS.format(options="hint='throughput', threads=2", engine="openvino"),
    "command line": _COMMAND,
    "getting a model": _GET.format(root=str(ROOT)),
    "no GPU": _NO_GPU,
}
_SLOW_USES = {
    "dali": _VERBS.format(options="decoder='dali'", engine="openvino"),
    "torch": _VERBS.format(options="engine='torch'", engine="torch"),
}
_NEEDS = {"dali": "nvidia.dali", "torch": "torch"}


@pytest.mark.parametrize(
    "use", [*_USES, *(pytest.param(use, marks=pytest.mark.slow) for use in _SLOW_USES)], ids=lambda use: use
)
def test_using_a_model_stays_on_this_machine(use: str, tmp_path: Path) -> None:
    if use in _NEEDS and importlib.util.find_spec(_NEEDS[use]) is None:
        pytest.skip(f"{_NEEDS[use]} is not installed")
    seen = watched({**_USES, **_SLOW_USES}[use], tmp_path)
    assert seen.status != -signal.SIGSYS, "native code started a process or opened a socket\n" + seen.said
    assert seen.status == 0, seen.said
    assert "done" in seen.said.splitlines()
    assert seen.told == ()
    assert [file for file in seen.files if not file.startswith(("cache/videobert", "out/"))] == []


@pytest.mark.slow
def test_making_a_model_reaches_nobody_either(tmp_path: Path) -> None:
    seen = watched(_MODELING, tmp_path)
    assert seen.status == 0, seen.said
    assert [line for line in seen.told if "tmp/" not in line and "/dev/shm" not in line] == []
    assert [file for file in seen.files if not file.startswith(("cache/videobert", "out/"))] == []


# What the watcher must see: each line of these is a way out.
_WAYS_OUT = {
    "a connection": "import socket\nsocket.socket().connect(('127.0.0.1', 9))",
    "a name looked up": "import socket\nsocket.getaddrinfo('localhost', 80)",
    "a fork": "import os\nos.fork() or os._exit(0)",
    "a spawn": "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "a program": "import subprocess\nsubprocess.run(['/bin/true'])",
    "a shell": "import os\nos.system('true')",
    "a library search": "import ctypes.util\nctypes.util.find_library('dl')",
    "a file at home": "import os\nopen(os.path.expanduser('~/id'), 'w')",
    "a folder at home": "import os\nos.mkdir(os.path.expanduser('~/intel'))",
    "a file moved home": "import os\np = os.environ['OUT']\nos.rename(p, os.path.expanduser('~/a'))",
    "a temporary file": "import tempfile\ntempfile.TemporaryFile()",
}
_NATIVE_WAYS_OUT = {
    "a native fork": "import ctypes\nctypes.PyDLL(None).fork() or ctypes.PyDLL(None)._exit(0)",
    "a native shell": "import ctypes\nctypes.CDLL(None).system(b'true')",
    "a native socket": "import ctypes\nctypes.CDLL(None).socket(2, 1, 0)",
}


@pytest.mark.parametrize("way", _WAYS_OUT)
def test_the_watcher_sees_what_python_does(way: str, tmp_path: Path) -> None:
    assert watched(_WAYS_OUT[way], tmp_path).told


@pytest.mark.parametrize("way", _NATIVE_WAYS_OUT)
def test_the_watcher_sees_what_native_code_does(way: str, tmp_path: Path) -> None:
    seen = watched(_NATIVE_WAYS_OUT[way], tmp_path)
    if not seen.held:
        pytest.skip("this kernel takes no filter of system calls")
    assert seen.status == -signal.SIGSYS, seen.said


def test_the_watcher_lets_threads_and_reading_be(tmp_path: Path) -> None:
    code = "import threading\nthread = threading.Thread(target=open, args=(__import__('os').environ['CLIP'], 'rb'))\n"
    seen = watched(code + "thread.start(); thread.join()\nprint('done')", tmp_path)
    assert (seen.status, seen.told, seen.files) == (0, (), ())


@pytest.mark.parametrize(
    ("module", "package"),
    [("openvino", "openvino_telemetry"), ("onnxruntime", "onnxruntime"), ("torch", "cuda.pathfinder")],
)
def test_without_the_remedy_these_libraries_are_seen(module: str, package: str, tmp_path: Path) -> None:
    """So that the tests above cannot pass for want of what they look for."""
    if importlib.util.find_spec(package.partition(".")[0]) is None or importlib.util.find_spec(module) is None:
        pytest.skip(f"{package} is not installed")
    seen = watched(f"import {module}", tmp_path)
    assert seen.told or seen.files or seen.status == -signal.SIGSYS, f"{module} does no such thing any more"
