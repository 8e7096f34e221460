"""Starting the web form: everything that can go wrong is said before the first rater comes."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eap.errors import ConfigError
from user_study.folder import StudyData, refuse_missing_media
from user_study.store import Store

FOLDER_VARIABLE, DATABASE_VARIABLE, ROOT_VARIABLE = "EAP_STUDY_FOLDER", "EAP_STUDY_DATABASE", "EAP_STUDY_ROOT_PATH"
PARENT_VARIABLE = "EAP_STUDY_PARENT"
"""How worker processes learn what to serve."""


@dataclass(frozen=True)
class Serving:
    """How a study is served."""

    host: str = "127.0.0.1"
    port: int = 8600
    workers: int = 2
    root_path: str = ""
    """The prefix under which a proxy shows the study, like "/study"."""
    trusted_proxies: str = "127.0.0.1"
    """Addresses whose X-Forwarded-* headers are believed."""
    certificate: Path | None = None
    private_key: Path | None = None


@dataclass(frozen=True)
class Ready:
    """What was found when everything was checked."""

    raters: int
    notes: tuple[str, ...]


def check(study: StudyData, database: str, how: Serving, *, upgrade: bool = False) -> Ready:
    """Look at everything a server needs. Raises ConfigError, DataError, StoreUnavailableError."""
    if how.root_path and (not how.root_path.startswith("/") or how.root_path.endswith("/")):
        raise ConfigError(f"--root-path {how.root_path!r}", fix='begin it with "/" and end it without, like /study')
    for path in (how.certificate, how.private_key):
        if path is not None and not path.is_file():
            raise ConfigError(f"{path}: no such file", fix="give the certificate and its key as PEM files")
    if (how.certificate is None) != (how.private_key is None):
        raise ConfigError("TLS needs both --certificate and --private-key", fix="give both, or let a proxy do TLS")
    refuse_missing_media(study)
    _refuse_taken(how.host, how.port)
    store = Store(study, database, upgrade=upgrade)
    try:
        store.release_dropouts()
        notes = [f"the counts of {fault}" for fault in store.recount()]
        if store.clock.behind > 1:
            behind = f"{store.clock.behind:.0f} s behind the last answer saved"
            notes.append(f"this machine's clock is {behind}: times go on from there")
        with store.database.read() as connection:
            from user_study.progress import progress

            raters = sum(progress(connection, study).raters.values())
    finally:
        store.close()
    return Ready(raters, tuple(notes))


def _refuse_taken(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"{host}:{port} cannot be opened ({reason})", fix="choose another --port") from None


@contextmanager
def only_server(study: StudyData, database: str) -> Iterator[None]:
    """Hold the lock of an SQLite study while serving. Raises ConfigError when another server has it.

    PostgreSQL studies may have several servers: their writes are ordered by the database's own lock.
    """
    if database and not database.startswith("sqlite"):
        yield
        return
    import fcntl

    path = study.folder / "serve.lock"
    with open(path, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise ConfigError(
                f"{study.folder}: is already served by {holder}",
                fix="stop that server first, or use PostgreSQL for several servers",
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        yield


def serve(study: StudyData, database: str, how: Serving) -> None:
    """Serve until stopped. Call `check` first, inside `only_server`."""
    import uvicorn

    os.environ[FOLDER_VARIABLE] = str(study.folder.absolute())
    os.environ[DATABASE_VARIABLE] = database
    os.environ[ROOT_VARIABLE] = how.root_path
    os.environ[PARENT_VARIABLE] = str(os.getpid() if how.workers > 1 else 0)
    uvicorn.run(
        "user_study.app:from_environment", factory=True, host=how.host, port=how.port, workers=how.workers,
        proxy_headers=True, forwarded_allow_ips=how.trusted_proxies, log_level="warning",
        access_log=False,  # raters' network addresses are kept nowhere
        server_header=False, timeout_keep_alive=30, ssl_certfile=how.certificate, ssl_keyfile=how.private_key,
    )  # fmt: skip


def watch_parent(parent: int) -> None:
    """A worker whose server was killed must not go on alone: it would hold the port. 0: not a worker."""
    if not parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
