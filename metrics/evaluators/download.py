"""Fetching weight files: resumed where the connection broke, checked against size and sha256, whole or not at all."""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from eap.errors import WeightsError
from eap.files import atomic_path, sha256_file
from eap.perception.official.files import WeightFile
from metrics.evaluators.weights import check, expected_sha256, trust, weights_dir

Progress = Callable[[int, int | None], None]
"""Bytes there are, bytes there will be (None: not known)."""

ATTEMPTS = 6
TIMEOUT = 30.0
_BLOCK = 1 << 20
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers of a server that may be other ones a moment later."""
_BROKEN = (http.client.HTTPException, ConnectionError, TimeoutError, urllib.error.URLError)


class _Retry(Exception):  # noqa: N818 - an outcome, handled below
    """This attempt failed in a way that another one may mend."""


def source_url(item: WeightFile) -> str:
    """Where a file is fetched from: the mirror `EAP_WEIGHTS_URL` if set, else its publisher. Raises WeightsError."""
    mirror = os.environ.get("EAP_WEIGHTS_URL", "").strip()
    url = f"{mirror.rstrip('/')}/{quote(item.file)}" if mirror else item.url
    if urlsplit(url).scheme not in ("http", "https"):
        raise WeightsError(f"EAP_WEIGHTS_URL={mirror}: not an http(s) address", fix="for a folder use --from DIR")
    return url


def fetch(
    item: WeightFile,
    *,
    folder: Path | None = None,
    source: Path | None = None,
    progress: Progress | None = None,
    attempts: int = ATTEMPTS,
    pause: float = 1.0,
) -> Path:
    """Get one file, unless it is there and right; returns its path.

    `source` is a folder that holds it (machines without internet). A download that breaks off leaves `<file>.part`,
    from which the next attempt, or the next call, goes on. `pause` seconds, doubled each time, lie between attempts.
    Raises WeightsError: not found, unreachable, wrong size or bytes, no room. A wrong file is never left behind.
    """
    folder = weights_dir() if folder is None else folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{item.file}.lock"):
            found = check(item, folder)
            if found.state == "ok":
                return found.path
            if source is not None:
                return _copy(item, folder, source)
            return _download(item, folder, progress or _silent, attempts, pause)
    except OSError as error:
        fix = "check the folder and the space on its disk; EAP_WEIGHTS chooses another"
        raise WeightsError(f"{folder / item.file}: {error.strerror or error}", fix=fix) from error


def _silent(_done: int, _total: int | None) -> None:
    pass


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process fetches a file; the next one waits and finds it there."""
    with open(path, "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _copy(item: WeightFile, folder: Path, source: Path) -> Path:
    given = source / item.file
    if not given.is_file():
        raise WeightsError(f"{given}: no such file", fix=f"download it elsewhere from {item.url}")
    target = folder / item.file
    with atomic_path(target) as temporary:
        shutil.copyfile(given, temporary)
        _accept(item, folder, temporary, str(given))
    return target


def _accept(item: WeightFile, folder: Path, path: Path, source: str) -> None:
    """Check a complete file; record it where its hash is trusted on first use. Raises WeightsError when it is wrong."""
    size, found, wanted = path.stat().st_size, sha256_file(path), expected_sha256(item, folder)
    if item.bytes is not None and size != item.bytes:
        raise WeightsError(f"{source}: {size} bytes, expected {item.bytes}", fix="get the file from its publisher")
    if (wanted and found != wanted) or not found.startswith(item.sha256_begins):
        raise WeightsError(
            f"{source}: sha256 is {found}, expected {wanted or item.sha256_begins}:"
            " not the published file, it was not kept",
            fix="try again, or get the file from its publisher",
        )
    if size == 0:
        raise WeightsError(f"{source}: is empty", fix="get the file from its publisher")
    if not wanted:
        trust(item, folder, found, size, source)


def _download(item: WeightFile, folder: Path, progress: Progress, attempts: int, pause: float) -> Path:
    url, part = source_url(item), folder / f"{item.file}.part"
    last = "no answer"
    began_with = part.stat().st_size if part.is_file() else 0
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _receive(item, url, part, progress)
            _accept(item, folder, part, url)
        except _Retry as error:
            last = str(error)
            continue
        except WeightsError:
            # An old part and the server's file may be of two versions: begin anew once before giving up.
            part.unlink(missing_ok=True)
            if not began_with:
                raise
            began_with, last = 0, "the part from before did not belong to this file"
            continue
        part.chmod(0o644)
        os.replace(part, folder / item.file)
        return folder / item.file
    kept = part.stat().st_size if part.is_file() else 0
    raise WeightsError(
        f"{url}: {last}, {attempts} attempts" + (f"; {kept} bytes are kept" if kept else ""),
        fix="run the command again to go on, set EAP_WEIGHTS_URL to a mirror, or use --from DIR",
    )


def _receive(item: WeightFile, url: str, part: Path, progress: Progress) -> None:
    """Append to `part` what it lacks. Raises _Retry when the rest did not come, WeightsError when it never will."""
    have = part.stat().st_size if part.is_file() else 0
    if item.bytes is not None and have > item.bytes:
        part.unlink()
        have = 0
    if item.bytes is not None and have == item.bytes:
        return
    headers = {"User-Agent": "eap-bench", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
            _save(item, url, answer, part, have, progress)
    except urllib.error.HTTPError as error:
        _refused(error, url, part)
    except _BROKEN as error:
        reason = getattr(error, "reason", error)
        raise _Retry(f"the connection broke ({reason or type(error).__name__})") from error


def _refused(error: urllib.error.HTTPError, url: str, part: Path) -> None:
    if error.code == 416:  # what we have is not the beginning of what is there
        part.unlink(missing_ok=True)
        raise _Retry("the server had nothing after the part from before") from error
    if error.code in _PASSING:
        raise _Retry(f"the server answered {error.code} {error.reason}") from error
    fix = "set EAP_WEIGHTS_URL to a mirror that has it, or use --from DIR"
    raise WeightsError(f"{url}: the server answered {error.code} {error.reason}", fix=fix) from error


def _save(item: WeightFile, url: str, answer: Any, part: Path, have: int, progress: Progress) -> None:
    if answer.status == 206 and not str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
        part.unlink(missing_ok=True)
        raise _Retry("the server sent another range than it was asked for")
    if answer.status != 206:
        have = 0  # the server ignores ranges: all of it comes again
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length is not None and length.isdigit() else item.bytes
    if item.bytes is not None and total is not None and total != item.bytes:
        raise WeightsError(f"{url}: offers {total} bytes, expected {item.bytes}", fix="the file was replaced there")
    if total is None and not item.sha256 and not answer.chunked:
        raise WeightsError(f"{url}: does not say how long it is", fix="set EAP_WEIGHTS_URL to a mirror that does")
    with open(part, "ab" if have else "wb") as stream:
        got = _pump(item, url, answer, stream, have, total, progress)
    if total is not None and got < total:
        raise _Retry(f"the connection broke after {got} of {total} bytes")


def _pump(
    item: WeightFile, url: str, answer: Any, stream: IO[bytes], got: int, total: int | None, progress: Progress
) -> int:
    progress(got, total)
    while True:
        try:
            block: bytes = answer.read(_BLOCK)
        except http.client.IncompleteRead as error:
            stream.write(error.partial)
            raise
        if not block:
            return got
        got += len(block)
        if item.bytes is not None and got > item.bytes:
            raise WeightsError(f"{url}: sends more than {item.bytes} bytes", fix="the file was replaced there")
        stream.write(block)
        progress(got, total)
