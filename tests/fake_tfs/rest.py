"""The REST side: paths, status codes and bodies, byte for byte.

`respond` is pure; `RestListener` puts it on a socket. Sources: http_rest_api_util.cc and http_server.cc for paths and
codes; bodies of a status come from protobuf's JSON writer (one space of indent, a newline at the end), error bodies
from rapidjson's PrettyWriter (four spaces, none at the end). The 404 page is libevent's.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, NamedTuple
from urllib.parse import unquote

from .prediction import Labels, metadata_json, predict_json, resolve
from .state import Code, Refused, Servables, VersionStatus, code_name, state_name

_MODEL_PATH = re.compile(
    r"/v1/models(?:/([^/:]+))?(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?(?:/(metadata))?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_PREDICT_PATH = re.compile(
    r"/v1/models/([^/:]+)(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?:predict", re.IGNORECASE | re.ASCII | re.DOTALL
)
_API_PATH = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)

_NOT_FOUND_PAGE = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"

_BAD_REQUEST_PAGE = _NOT_FOUND_PAGE.replace(b"404 Not Found", b"400 Bad Request").replace(b"Not Found", b"Bad Request")

_HTTP_STATUS: dict[int, int] = {
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}

_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# protobuf escapes more than JSON asks for, lest a browser takes it for markup (src/google/protobuf/json/internal/
# writer.cc; the scalars beyond U+FFFF that it also escapes are left out). rapidjson escapes only what JSON asks for.
_PROTOBUF_ESCAPED = re.compile(
    r'["\\<>\x00-\x1f\x7f-\x9f\xad\u0600-\u0603\u06dd\u070f\u17b4\u17b5'
    r"\u200b-\u200f\u2028-\u202e\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb]"
)
_RAPIDJSON_ESCAPED = re.compile(r'["\\\x00-\x1f]')


class Response(NamedTuple):
    """What goes out: the HTTP status, the media type (None: no such header), the body."""

    status: int
    media_type: str | None
    body: bytes


def status_body(entries: list[VersionStatus]) -> bytes:
    """A GetModelStatusResponse in protobuf's JSON, as the server prints it."""
    items = []
    for entry in entries:
        message = _PROTOBUF_ESCAPED.sub(lambda hit: _escape(hit, "{:04x}"), entry.message)
        items.append(
            "  {\n"
            f'   "version": "{entry.version}",\n'
            f'   "state": {_enum(state_name(entry.state))},\n'
            '   "status": {\n'
            f'    "error_code": {_enum(code_name(entry.code))},\n'
            f'    "error_message": "{message}"\n'
            "   }\n"
            "  }"
        )
    return ('{\n "model_version_status": [\n' + ",\n".join(items) + "\n ]\n}\n").encode()


def error_body(message: str) -> bytes:
    """The JSON of an error. A name that is not UTF-8 comes back as the bytes that it was asked with."""
    text = _RAPIDJSON_ESCAPED.sub(lambda hit: _escape(hit, "{:04X}"), message)
    return f'{{\n    "error": "{text}"\n}}'.encode("utf-8", "surrogateescape")


def _enum(name: str) -> str:
    return name if name.isdigit() else f'"{name}"'


def _escape(hit: re.Match[str], digits: str) -> str:
    return _SHORT_ESCAPES.get(hit[0]) or "\\u" + digits.format(ord(hit[0]))


def respond(
    servables: Servables,
    method: str,
    path: str,
    origin: str = "",
    body: bytes = b"",
    labels: Labels | None = None,
    meet_prediction: Callable[[], None] = lambda: None,
    meet_metadata: Callable[[], None] = lambda: None,
) -> Response:
    """Answers one request. `path` holds the query too: the server matches both together, as sent. `meet_prediction`
    is called before a prediction, `meet_metadata` before metadata is answered; both may raise Refused."""
    if not _API_PATH.fullmatch(path):
        return Response(404, "text/html", _NOT_FOUND_PAGE)
    if method == "OPTIONS":
        return Response(200 if re.match(r"https?://", origin) else 400, None, b"")
    labels = labels or Labels()
    try:
        if method == "POST" and (match := _PREDICT_PATH.fullmatch(path)):
            meet_prediction()
            _version_for(servables, labels, *match.groups())
            return Response(200, "application/json", predict_json(body))
        return _model_status(servables, labels, method, path, meet_metadata)
    except Refused as refusal:
        return Response(_HTTP_STATUS.get(refusal.code, 500), "application/json", error_body(refusal.message))


def _model_status(
    servables: Servables, labels: Labels, method: str, path: str, meet_metadata: Callable[[], None]
) -> Response:
    match = _MODEL_PATH.fullmatch(path)
    if match is None or method != "GET":
        raise Refused(Code.INVALID_ARGUMENT, f"Malformed request: {method} {path}")
    name, digits, label, metadata = match.groups()
    version = None if digits is None else int(digits)
    if version is not None and version >= 1 << 63:
        # The number is read before anything that writes a body exists; its error stands in the log alone.
        return Response(400, "application/json", b"")
    if name is None:
        raise Refused(Code.INVALID_ARGUMENT, "Missing model name in request.")
    if metadata == "metadata":  # in capitals it asks for the status
        meet_metadata()
        found = _version_for(servables, labels, name, digits, label)
        return Response(200, "application/json", metadata_json(_decode(name), found))
    entries = servables.find(_decode(name), version)
    return Response(200, "application/json", status_body(entries))


def _version_for(servables: Servables, labels: Labels, name: str, digits: str | None, label: str | None) -> int:
    version = None if digits is None else int(digits)
    return resolve(servables, labels, _decode(name), version, None if label is None else _decode(label))


def _decode(name: str) -> str:
    return unquote(name, errors="surrogateescape")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    respond: Callable[..., Response]  # set by a subclass for each listener

    def answer(self) -> None:
        """Reads the body and answers."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.encode("latin-1").decode("utf-8", "surrogateescape")
        if not path.isprintable() or not path.isascii():
            self.write_response(Response(400, "text/html", _BAD_REQUEST_PAGE))
        else:
            self.write_response(type(self).respond(self.command, path, self.headers.get("Origin", ""), body))

    def write_response(self, response: Response) -> None:
        """Sends the response as libevent does: to HTTP/1.0 without Date and Content-Length; to HEAD with a body but
        no Content-Length, so that the body precedes the next answer on the connection."""
        is_old = self.request_version == "HTTP/1.0"
        self.protocol_version = "HTTP/1.0" if is_old else "HTTP/1.1"  # in the status line
        self.send_response_only(response.status)
        if response.media_type is not None:
            self.send_header("Content-Type", response.media_type)
        if not is_old:
            self.send_header("Date", self.date_time_string())
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(response.body)))
            if response.media_type == "text/html":
                self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that cannot be parsed: libevent's page, whatever is wrong with it."""
        self.close_connection = True
        self.write_response(Response(400, "text/html", _BAD_REQUEST_PAGE))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: what the stand-in prints are facts that are waited for."""


class _HttpServer(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, host: str, port: int, handler: type[_Handler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._connections: set[socket.socket] = set()
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # the parent's would ask DNS for this machine's full name

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs nothing: a client that disconnects is not the server's fault."""

    def hang_up(self) -> None:
        """Ends connections that clients keep open, as the end of a process would."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._connections.discard(connection)  # the client was faster


class RestListener:
    """A listening REST server on `host`:`port`; never with TLS, as in TensorFlow Serving."""

    def __init__(self, respond: Callable[..., Response], host: str, port: int) -> None:
        self._server = _HttpServer(host, port, type("Handler", (_Handler,), {"respond": staticmethod(respond)}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="fake-tfs-rest")
        self._thread.start()

    def stop(self) -> None:
        """Ends the listener and its connections; returns when the port is closed."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.hang_up()
