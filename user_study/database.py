"""The database under a study: SQLite in the study's folder, or PostgreSQL by URL; one door for writing.

All writing of a process goes through one thread, which puts waiting jobs into one transaction: many raters' answers
cost one flush of the disk. A job's caller gets its result only after the commit (SQLite: WAL and synchronous=FULL;
PostgreSQL: synchronous_commit=on), so what was acknowledged survives a kill. Across processes, SQLite's write lock
(taken in turn, see `turnstile`) or a PostgreSQL advisory lock makes jobs atomic: what a job reads cannot change before
it commits.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from eap.errors import ConfigError, EapError
from user_study import schema
from user_study.turnstile import Turnstile

T = TypeVar("T")
Job = Callable[[Connection], T]
BUSY_SECONDS = 5.0
"""How long a job waits for another process' lock before the rater's browser is told to try again."""
BATCH = 64
LOCK_KEY = 0x6561_7073
READERS = 20


class StoreUnavailableError(EapError):
    """The database is locked, full, gone or cannot be reached; nothing was saved, trying again may help."""

    exit_code = 3


class Clock:
    """Seconds since 1970 that never go backwards, whatever is done to the machine's clock meanwhile."""

    def __init__(self, floor: float = 0.0) -> None:
        wall = time.time()
        self.behind = max(0.0, floor - wall)
        """How far the machine's clock is behind the last thing saved, in seconds."""
        self._start = max(wall, floor)
        self._since = time.monotonic()

    def now(self) -> float:
        """The time."""
        return self._start + time.monotonic() - self._since


class Database:
    """Engines, the writing thread and the schema's version."""

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.path = Path(str(self.url.database)) if self.sqlite else None
        reader = _engine(self.url, "BEGIN")
        # PostgreSQL's default lets every statement of a transaction see what others have just committed.
        self._reader = reader if self.sqlite else reader.execution_options(isolation_level="REPEATABLE READ")
        self._looker = reader if self.sqlite else reader.execution_options(isolation_level="AUTOCOMMIT")
        self._writer = _engine(self.url, "BEGIN IMMEDIATE", pre_ping=False)
        self._jobs: queue.SimpleQueue[tuple[Job[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._turn = Turnstile(self.path, BUSY_SECONDS) if self.path is not None else None
        self._inode: tuple[int, int] | None = None

    @property
    def sqlite(self) -> bool:
        """Whether it is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading, whatever is written meanwhile. Raises StoreUnavailableError."""
        with self._reading(self._reader) as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """For a single statement: without a transaction about it. Raises StoreUnavailableError."""
        with self._reading(self._looker) as connection:
            yield connection

    @contextmanager
    def _reading(self, engine: Engine) -> Iterator[Connection]:
        try:
            self._refuse_gone()
            with engine.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeoutError) as error:
            raise self._unavailable(error) from error

    def write(self, job: Job[T]) -> T:
        """Run a job in a transaction; its result comes after the commit. Raises StoreUnavailableError, or its own."""
        future: Future[T] = Future()
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="study-writer", daemon=True)
                self._thread.start()
        self._jobs.put((job, future))
        return future.result()

    def close(self) -> None:
        """Finish what was given, then let go of the database."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        if self._turn is not None:
            self._turn.close()
        self._reader.dispose()
        self._writer.dispose()

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch = [first]
            stop = False
            while len(batch) < BATCH and not stop:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    stop = True
                else:
                    batch.append(following)
            self._run(batch)
            if stop:
                return

    def _run(self, batch: list[tuple[Job[Any], Future[Any]]]) -> None:
        results: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], Exception]] = []
        try:
            self._refuse_gone()
            with self._turn.held() if self._turn else nullcontext(), self._locked() as connection:
                whole = connection.get_transaction()
                assert whole is not None
                for job, future in batch:
                    part = whole if len(batch) == 1 else connection.begin_nested()
                    try:
                        result = job(connection)
                        part.commit()
                        results.append((future, result))
                    except Exception as error:  # one rater's bad input must not undo the others' answers
                        if isinstance(error, DBAPIError) and (error.connection_invalidated or part is whole):
                            raise
                        part.rollback()
                        failed.append((future, error))
                if whole.is_active:
                    whole.commit()
            self._refuse_gone()
        except Exception as error:
            problem = self._unavailable(error) if isinstance(error, SQLAlchemyError | OSError) else error
            for _, future in batch:
                future.set_exception(problem)
            return
        for future, result in results:
            future.set_result(result)
        for future, cause in failed:
            future.set_exception(self._unavailable(cause) if isinstance(cause, DBAPIError) else cause)

    def _locked(self) -> Connection:
        """A connection in a transaction beside which nobody writes.

        A connection that the server has closed meanwhile is found out by the first statement, before any job: then
        another one is taken. That is one way to the server less than asking beforehand.
        """
        for last in (False, True):
            connection = self._writer.connect()
            try:
                self._lock(connection)
            except BaseException as error:
                connection.close()
                if last or not (isinstance(error, DBAPIError) and error.connection_invalidated):
                    raise
            else:
                return connection
        raise AssertionError("left above")

    def _lock(self, connection: Connection) -> None:
        connection.begin()
        if not self.sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(LOCK_KEY)))

    def _refuse_gone(self) -> None:
        # SQLite goes on writing into a deleted file: without this, such answers would be acknowledged and lost.
        if self.path is None or self._inode is None:
            return
        try:
            stat = self.path.stat()
        except OSError:
            stat = None
        if stat is None or (stat.st_dev, stat.st_ino) != self._inode:
            raise StoreUnavailableError(
                f"{self.path}: the database was moved or deleted while the study runs",
                fix="put it back and start the server again; answers since then stay in the raters' browsers",
            )

    def _unavailable(self, error: BaseException) -> StoreUnavailableError:
        words = str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__]
        return StoreUnavailableError(
            f"{self.path or self.url.render_as_string(hide_password=True)}: {words[0]}",
            fix="see that the database can be reached and written, and that no other program holds it",
        )

    def prepare(self, upgrade: bool = False) -> None:
        """Bring an empty database to this version's schema, and refuse others. Raises ConfigError, StoreUnavailable.

        `upgrade` migrates an older one (SQLite: after a copy beside it).
        """
        scripts = ScriptDirectory.from_config(_alembic())
        head = scripts.get_current_head()
        try:
            with self._writer.connect() as connection:
                current = MigrationContext.configure(connection).get_current_revision()
                known = {script.revision for script in scripts.walk_revisions()}
                if current is not None and current not in known:
                    raise ConfigError(
                        f"{self._name()}: schema {current} is of a newer eap-bench", fix="install that version"
                    )
                if current not in (None, head) and not upgrade:
                    raise ConfigError(
                        f"{self._name()}: schema {current} is older than this eap-bench's ({head})",
                        fix="run `eap-bench study serve --upgrade` once (SQLite: a copy is kept beside it)",
                    )
                connection.rollback()
                if current != head:
                    if current is not None:
                        self._keep_copy(current)
                    config = _alembic()
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
                    connection.commit()
        except DBAPIError as error:
            raise self._unavailable(error) from error
        if self.path is not None:
            stat = self.path.stat()
            self._inode = (stat.st_dev, stat.st_ino)

    def _keep_copy(self, version: str) -> None:
        if self.path is None:
            return
        import sqlite3

        copy = self.path.with_name(f"{self.path.name}.{version}.bak")
        with sqlite3.connect(self.path) as source, sqlite3.connect(copy) as target:
            source.backup(target)

    def _name(self) -> str:
        return str(self.path) if self.path else self.url.render_as_string(hide_password=True)


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _parsed(text: str) -> URL:
    try:
        url = make_url(text)
        name = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigError(f"not a database URL: {text!r}", fix="use postgresql://user:password@host/name") from None
    if name == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if name == "sqlite" and url.database not in (None, "", ":memory:"):
        return url
    raise ConfigError(f"{name}: not a database for a study", fix="use SQLite (the default) or postgresql://...")


def _engine(url: URL, begin: str, *, pre_ping: bool = True) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_size=READERS, max_overflow=0)
            event.listen(engine, "connect", _sqlite_settings)
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
            return engine
        settings = "-c synchronous_commit=on -c lock_timeout=5000 -c statement_timeout=20000"
        arguments = {"options": settings, "connect_timeout": 5}
        return create_engine(url, connect_args=arguments, pool_pre_ping=pre_ping, pool_size=READERS, max_overflow=0)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed", fix="pip install 'eap-bench[postgres]'") from None


def _sqlite_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by the engine's own event
    cursor = connection.cursor()
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=2000"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def latest_stamp(connection: Connection) -> float:
    """The latest time anything was saved: the clock never starts before it."""
    return max(
        connection.scalar(select(func.max(schema.raters.c.seen_at))) or 0.0,
        connection.scalar(select(func.max(schema.answers.c.given_at))) or 0.0,
    )
