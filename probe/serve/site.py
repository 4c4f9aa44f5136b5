"""Paths -> answers, from the latest round."""

import time

from ..cli.json_lines import render_json
from ..cli.lines import BUDGET, verdict_line
from ..cli.text import render
from ..model import Report
from ..rpc.http1 import tokens
from ..rpc.http1_server import REASONS, encode_response, http_date
from ..rpc.uri import path_segments
from ..tfs.verdict import exit_code
from ..value import Value
from . import metrics, page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from ..rpc.http1 import Fields
    from ..rpc.http1_server import RequestHead
    from .board import Board, Round

    Answer = tuple[int, bytes, str]  # status, content type, body

OK, NOT_FOUND, NOT_ALLOWED, INTERNAL_ERROR, UNAVAILABLE = 200, 404, 405, 500, 503
TEXT = b"text/plain; charset=utf-8"
METRICS = b"text/plain; version=0.0.4; charset=utf-8"  # Prometheus 3 reads nothing without the version
HTML = b"text/html; charset=utf-8"
JSON = b"application/json"
SECURITY: "Fields" = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"Referrer-Policy", b"no-referrer"),
)
PATHS = "/readyz, /readyz/NAME, /livez, /healthz, /metrics and / are here"


class Shown(Value):
    """What answers show besides the results of rounds."""

    __slots__ = ("address", "has_config_file", "interval_ns", "version")

    def __init__(self, address: str, interval_ns: int, version: str, has_config_file: bool) -> None:
        self.address: Final = address
        self.interval_ns: Final = interval_ns
        self.version: Final = version
        self.has_config_file: Final = has_config_file


class Site:
    """Answers requests. `advise`: a hint about the command line for a report that failed; `wall_ns`: the time since
    1970; `log`: writes a line."""

    __slots__ = ("_advise", "_board", "_log", "_shown", "_wall_ns")

    def __init__(
        self,
        board: "Board",
        shown: Shown,
        advise: "Callable[[Report], str]",
        wall_ns: "Callable[[], int]",
        log: "Callable[[str], None]",
    ) -> None:
        self._board = board
        self._shown = shown
        self._advise = advise
        self._wall_ns = wall_ns
        self._log = log

    def respond(self, request: "RequestHead | None", status: int) -> bytes:
        """The bytes of an answer; `status`: of the error, if the request was invalid."""
        more: Fields = ()
        if request is None:
            answer = status, TEXT, f"{REASONS[status]}\n"
        elif request.method not in (b"GET", b"HEAD"):
            answer, more = (NOT_ALLOWED, TEXT, "only GET and HEAD are allowed\n"), ((b"Allow", b"GET, HEAD"),)
        else:
            try:
                answer = self._answer(request)
            except Exception as error:  # a bug, or no memory; the next request may succeed
                self._log(f"internal error: {type(error).__name__}: {error}")
                answer = INTERNAL_ERROR, TEXT, "internal error\n"
        headers = (
            (b"Date", http_date(self._wall_ns() // 1_000_000_000)),
            (b"Content-Type", answer[1]),
            (b"Cache-Control", b"no-store"),
            *(SECURITY if answer[1] == HTML else ()),
            *more,
        )
        body = answer[2].encode("utf-8", "surrogateescape")
        return encode_response(answer[0], headers, body, request)

    def _answer(self, request: "RequestHead") -> "Answer":
        segments = path_segments(request.target)
        if not segments:
            return NOT_FOUND, TEXT, f"{PATHS}\n"
        first, names = segments[0], segments[1:]
        current, is_fresh = self._board.current(time.monotonic_ns())
        if first == "readyz":
            wants_json = any(kind.partition(b";")[0].strip() == JSON for kind in tokens(request.headers, b"accept"))
            return self._ready(current, is_fresh, "/".join(names) if names else None, wants_json)
        if names:
            return NOT_FOUND, TEXT, f"{PATHS}\n"
        if first == "livez":
            return self._live(current, is_fresh)
        if first == "healthz":
            return OK, TEXT, "ok\n"
        if first == "metrics":
            return OK, METRICS, metrics.render(current, is_fresh, self._shown)
        if first == "":
            return OK, HTML, page.render(current, is_fresh, self._shown, self._wall_ns() // 1_000_000_000)
        return NOT_FOUND, TEXT, f"{PATHS}\n"

    def _ready(self, current: "Round", is_fresh: bool, name: "str | None", wants_json: bool) -> "Answer":
        report = current.report
        if name is not None:
            report = Report(tuple(result for result in report.results if result.query.model == name))
            if not report.results:
                return NOT_FOUND, TEXT, "this probe does not ask for a model of that name\n"
        code = exit_code(report)
        status = OK if is_fresh and code == 0 else UNAVAILABLE
        advice = self._advise(report) if code else ""
        if wants_json:
            body = render_json(report, code, self._shown.address, current.duration_ns, advice, current.notes)
            return status, JSON, body
        return status, TEXT, render(report, current.now, advice=advice)

    @staticmethod
    def _live(current: "Round", is_fresh: bool) -> "Answer":
        if is_fresh and current.is_alive:
            return OK, TEXT, "TensorFlow Serving answers\n"
        lines = [verdict_line(model.result.verdict, model.result.query, BUDGET.text) for model in current.models[:1]]
        return UNAVAILABLE, TEXT, f"TensorFlow Serving does not answer: {' '.join(lines)}\n"
