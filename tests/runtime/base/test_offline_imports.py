"""Imports that are kept from reporting leave the process as they found it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from videobert.base.offline_imports import no_library_search


def printed(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment or None
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


_BEFORE = {
    "never imported": "",
    "imported": "import types; sys.modules['openvino_telemetry'] = types.ModuleType('openvino_telemetry'); ",
    "made unimportable": "sys.modules['openvino_telemetry'] = None; ",
}


@pytest.mark.parametrize("before", _BEFORE.values(), ids=_BEFORE)
def test_the_telemetry_package_is_put_back(before: str) -> None:
    code = (
        f"import sys; {before}before = dict(sys.modules); from videobert.base.offline_imports import openvino_library; "
        "openvino_library().Core(); missing = object(); name = 'openvino_telemetry'; "
        "assert sys.modules.get(name, missing) is before.get(name, missing); "
        "print(sys.modules['openvino'].convert_model.__module__)"
    )
    assert printed(code).startswith("openvino.tools.ovc")


def test_it_is_put_back_where_openvino_does_not_load() -> None:
    code = (
        "import sys; sys.modules['openvino._pyopenvino'] = None; "
        "from videobert.base.offline_imports import openvino_library\n"
        "try:\n    openvino_library()\nexcept ImportError as error:\n    print(type(error).__name__)\n"
        "assert 'openvino_telemetry' not in sys.modules"
    )
    assert printed(code) == "ModuleNotFoundError"


def test_whoever_imported_openvino_first_is_left_alone() -> None:
    code = (
        "import sys, types; mine = sys.modules['openvino'] = types.ModuleType('openvino'); "
        "from videobert.base.offline_imports import openvino_library; print(openvino_library() is mine)"
    )
    assert printed(code) == "True"


def test_many_threads_get_one_openvino_and_no_telemetry() -> None:
    code = (
        "import sys; from concurrent.futures import ThreadPoolExecutor; "
        "from videobert.base.offline_imports import openvino_library\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    found = [each.result() for each in [pool.submit(openvino_library) for _ in range(8)]]\n"
        "print(len(set(map(id, found))), 'openvino_telemetry' in sys.modules)"
    )
    assert printed(code) == "1 False"


def test_a_search_for_another_library_is_answered_as_always(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes.util
    from concurrent.futures import ThreadPoolExecutor

    asked: list[str] = []
    monkeypatch.setattr(ctypes.util, "find_library", asked.append)
    plain = ctypes.util.find_library
    with no_library_search(), no_library_search():
        assert ctypes.util.find_library("dl") == "libdl.so.2"
        ctypes.util.find_library("c")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(ctypes.util.find_library, "dl").result()
    assert asked == ["c", "dl"]
    assert ctypes.util.find_library is plain


def test_onnxruntimes_variable_is_put_back() -> None:
    pytest.importorskip("onnxruntime")
    code = (
        "import os; from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library; "
        "onnxruntime_library(); print(os.environ.get('ORT_DISABLE_TELEMETRY'))"
    )
    assert printed(code, HOME="/nonexistent") == "None"
    assert printed(code, HOME="/nonexistent", ORT_DISABLE_TELEMETRY="0") == "0"


def test_the_converter_waits_until_somebody_asks_for_it() -> None:
    code = (
        "import sys; from videobert.base.offline_imports import openvino_library; library = openvino_library(); "
        "library.Core(); assert 'openvino.tools.ovc' not in sys.modules; name = library.__name__; "
        "asked = __import__(name, fromlist=['convert_model']).convert_model; "
        "assert asked is library.convert_model is library.tools.ovc.convert_model; "
        "assert 'openvino_telemetry' not in sys.modules; print(hasattr(library, 'nothing_of_that_name'))"
    )
    assert printed(code) == "False"


def test_a_converter_that_does_not_load_is_an_attribute_that_is_not_there() -> None:
    code = (
        "import sys; from videobert.base.offline_imports import openvino_library; library = openvino_library(); "
        "sys.modules['openvino.tools.ovc'] = None; print(hasattr(library, 'convert_model'))"
    )
    assert printed(code) == "False"
