"""Files to raters, in parts (HTTP Range, RFC 9110 section 14): players seek, and broken downloads go on.

Addresses, validators and headers tell nothing of the clip: the address is the rater's own trial, the ETag is keyed, and
there is no Last-Modified (files made method by method would give themselves away).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

TYPES = {".mp4": "video/mp4", ".png": "image/png"}
WHOLE = 1 << 20
"""Parts up to this size are sent in one piece."""
BLOCK = 1 << 18


class Part(NamedTuple):
    """Bytes first to last, both included."""

    first: int
    last: int


def parse_range(header: str, size: int) -> Part | None:
    """The one part asked for, None for the whole file (also for several parts, which may be ignored).

    Raises ValueError when it lies outside the file (416).
    """
    found = re.fullmatch(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", header)
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise ValueError("an empty end")
        return Part(size - length, size - 1)
    begin, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < begin:
        return None  # not a valid range: to be ignored
    if begin >= size:
        raise ValueError("beyond the end")
    return Part(begin, end)


def etag(key: bytes, name: str) -> str:
    """A validator that only this study's key can make."""
    return '"' + hmac.new(key, f"etag\x1f{name}".encode(), hashlib.sha256).hexdigest()[:24] + '"'


def send(request: Request, root: Path, relative: str, tag: str) -> Response:
    """A file below `root`, whole or the part asked for; 404 when it is not there or not below."""
    path = (root / relative).resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        return Response("not found", 404)
    size = path.stat().st_size
    headers = {"accept-ranges": "bytes", "etag": tag, "cache-control": "private, max-age=3600"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("range", "")
    if request.headers.get("if-range", tag) != tag:
        wanted = ""
    try:
        part = parse_range(wanted, size) if wanted else None
    except ValueError:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{size}"})
    kind = TYPES.get(path.suffix, "application/octet-stream")
    shown = part or Part(0, size - 1)
    status = 206 if part else 200
    if part:
        headers["content-range"] = f"bytes {part.first}-{part.last}/{size}"
    length = shown.last - shown.first + 1
    headers["content-length"] = str(length)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=kind)
    if length <= WHOLE:
        with open(path, "rb") as stream:
            return Response(os.pread(stream.fileno(), length, shown.first), status, headers, kind)
    return StreamingResponse(_blocks(path, shown), status, headers, kind)


def _blocks(path: Path, part: Part) -> Iterator[bytes]:
    with open(path, "rb") as stream:
        stream.seek(part.first)
        left = part.last - part.first + 1
        while left and (block := stream.read(min(BLOCK, left))):
            left -= len(block)
            yield block
