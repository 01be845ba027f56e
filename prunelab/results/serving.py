"""A server for the page of a live report: this machine alone, reading alone, and only what it names.

Nothing of a request reaches the file system: paths are looked up in a table. The Host header must be this server's, so that a page
elsewhere cannot read along by a name that it makes point here (DNS rebinding).
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prunelab.results.live import LiveReport
from prunelab.results.page import inlined, plotly_script

HOST = "127.0.0.1"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SCRIPT, _TEXT = "text/javascript; charset=utf-8", "text/plain; charset=utf-8"


def server(report: LiveReport, port: int) -> ThreadingHTTPServer:
    """A server that listens, and answers once `serve_forever` is called.

    Args:
        report: what it shows.
        port: 0 for any free one; `server_port` says which.

    Raises:
        ValueError: if the port cannot be had.
    """
    handler = type("_Bound", (_Handler,), {"routes": _routes(report)})
    try:
        return _Server((HOST, port), handler)
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise ValueError(f"port {port} {why}; give another with --port N, or --port 0 for any that is free") from None


def _routes(report: LiveReport) -> dict[str, tuple[str, Callable[[], str]]]:
    return {
        "/": ("text/html; charset=utf-8", report.page),
        "/version": (_TEXT, report.version),
        "/points.csv": ("text/csv; charset=utf-8", report.points),
        "/plotly.js": (_SCRIPT, plotly_script),
        "/report.js": (_SCRIPT, lambda: str(inlined("report.js"))),
        "/live.js": (_SCRIPT, lambda: str(inlined("live.js"))),
        "/report.css": ("text/css; charset=utf-8", lambda: str(inlined("report.css"))),
    }


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    routes: dict[str, tuple[str, Callable[[], str]]]
    server_version, sys_version = "prunelab", ""
    timeout = 60

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if not self._host_is_ours():
            self._send(HTTPStatus.FORBIDDEN, _TEXT, "this server answers to its own name alone\n")
            return
        path = self.path.partition("?")[0]
        if path not in self.routes:
            self._send(HTTPStatus.NOT_FOUND, _TEXT, "there is no such page\n")
            return
        kind, made = self.routes[path]
        try:
            text = made()
        except Exception:
            traceback.print_exc()
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT, "the page could not be made; the terminal of the server says why\n")
            return
        tag = f'"{text}"' if path == "/version" else None
        if tag is not None and self.headers.get("If-None-Match") == tag:
            self._send(HTTPStatus.NOT_MODIFIED, kind, "", tag)
        else:
            self._send(HTTPStatus.OK, kind, text, tag)

    def _refused(self) -> None:
        self._send(
            HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, "this server is for reading\n", extra={"Allow": "GET, HEAD", "Connection": "close"}
        )

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refused  # noqa: N815

    def _host_is_ours(self) -> bool:
        port = self.server.server_address[1]  # pyright: ignore[reportIndexIssue]
        return self.headers.get_all("Host") in ([f"{HOST}:{port}"], [f"localhost:{port}"])

    def _send(self, status: HTTPStatus, kind: str, text: str, tag: str | None = None, extra: dict[str, str] | None = None) -> None:
        body = text.encode("utf-8")
        self.send_response(status)
        for name, value in {**_HEADERS, **(extra or {})}.items():
            self.send_header(name, value)
        if tag is not None:
            self.send_header("ETag", tag)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != HTTPStatus.NOT_MODIFIED:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return
