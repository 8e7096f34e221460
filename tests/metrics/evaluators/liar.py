"""A local HTTP server that drops, truncates and lies, request by request."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Trick = Literal[
    "fine", "drop", "truncate", "wrong", "no-range", "shifted", "404", "500", "redirect", "longer", "chunked-drop",
    "nameless",
]  # fmt: skip


class Liar:
    """Serves one body; each request takes the next trick of the list, the last one is repeated."""

    def __init__(self, body: bytes, tricks: Sequence[Trick]) -> None:
        self.body = body
        self.tricks = list(tricks)
        self.ranges: list[str | None] = []
        self.paths: list[str] = []
        self.url = ""

    def next(self) -> Trick:
        return self.tricks.pop(0) if len(self.tricks) > 1 else self.tricks[0]


def _handler(liar: Liar) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            pass

        def do_GET(self) -> None:
            liar.ranges.append(self.headers.get("Range"))
            liar.paths.append(self.path)
            trick = liar.next()
            self.close_connection = True
            if trick in ("404", "500"):
                self.send_error(int(trick))
            elif trick == "redirect":
                self.send_response(302)
                self.send_header("Location", "/moved" + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._body(trick)

        def _body(self, trick: Trick) -> None:
            body = liar.body[::-1] if trick == "wrong" else liar.body
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and trick != "no-range" else 0
            if start >= len(body) and asked:
                self.send_error(416)
                return
            rest = body[start:]
            self.send_response(206 if start else 200)
            if start:
                shown = start + 1 if trick == "shifted" else start
                self.send_header("Content-Range", f"bytes {shown}-{len(body) - 1}/{len(body)}")
            if trick == "chunked-drop":
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n" % len(rest) + rest[: len(rest) // 2])
                return
            if trick != "nameless":
                extra = 7 if trick == "longer" else 0
                length = len(rest) // 2 if trick == "truncate" else len(rest) + extra
                self.send_header("Content-Length", str(length))
            self.end_headers()
            if trick in ("drop", "truncate", "nameless"):
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest + (b"x" * 7 if trick == "longer" else b""))

    return Handler


@contextmanager
def serving(body: bytes, *tricks: Trick) -> Iterator[Liar]:
    """A server on a free local port, gone when the block ends."""
    liar = Liar(body, tricks or ("fine",))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(liar))
    liar.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
