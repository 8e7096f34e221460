"""The database under a study: other studies' and versions, locked, gone, cut off; nothing acknowledged is lost."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert, select, update

from eap.errors import ConfigError
from tests.user_study.small_study import Clockwork, Robot, answers, clock
from user_study import schema
from user_study.database import Clock, Database, StoreUnavailableError
from user_study.folder import StudyData
from user_study.store import Store


def test_time_never_goes_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    ours = Clock(floor=5000.0)
    assert ours.behind == 4000.0
    first = ours.now()
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert ours.now() >= first >= 5000.0


def test_another_studys_database_is_refused(store: Store, database: str) -> None:
    with store.database.read() as connection:
        assert connection.scalar(select(schema.study.c.value)) == store.study.info.id
    store.database.write(lambda c: c.execute(update(schema.study).values(value="other")) and None)
    with pytest.raises(ConfigError, match="holds another study"):
        Store(store.study, database)


def set_version(database: Database, version: str) -> None:
    from sqlalchemy import text

    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version}) and None)


def test_a_newer_schema_is_refused(store: Store, database: str) -> None:
    set_version(store.database, "9999")
    with pytest.raises(ConfigError, match=r"schema 9999 is of a newer eap-bench; install that version"):
        Store(store.study, database)


def test_an_older_schema_is_refused_until_upgraded(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.script import ScriptDirectory

    robot = Robot(store)
    robot.finish()
    n = answers(store)
    with monkeypatch.context() as patched:
        patched.setattr(ScriptDirectory, "get_current_head", lambda _: "0002")
        with pytest.raises(ConfigError, match=r"schema 0001 is older than .* --upgrade"):
            Store(store.study, database)
    upgraded: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(ScriptDirectory, "get_current_head", lambda _: "0002")
        patched.setattr("user_study.database.command.upgrade", lambda _, to: upgraded.append(to))
        Store(store.study, database, upgrade=True).close()
    assert upgraded == ["head"]
    if not database:
        assert (store.study.folder / "study.sqlite.0001.bak").is_file()
    assert answers(store) == n


def test_a_locked_database_says_so_and_nothing_is_lost(study: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    monkeypatch.setattr("user_study.database.BUSY_SECONDS", 0.2)
    store = Store(study)
    robot = Robot(store)
    robot.check()
    given = robot.given(store.state(robot.rater), "happy")
    other = sqlite3.connect(study.folder / "study.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="database is locked"):
        store.save(robot.rater, given)
    other.execute("ROLLBACK")
    import time

    time.sleep(0.4)
    assert not store.save(robot.rater, given)[0].replayed
    assert answers(store) == 1
    store.close()


def test_a_postgresql_that_goes_away_loses_nothing(study: StudyData, postgres: Callable[[], str]) -> None:
    """All connections of the study are cut, as when the database is restarted under it."""
    import psycopg
    from sqlalchemy.engine import make_url

    url = postgres()
    store = Store(study, url)
    store.clock = Clockwork()  # type: ignore[assignment]
    robot = Robot(store)
    robot.check()
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def cut() -> None:
        with psycopg.connect(plain, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()"
            )

    def job(connection: Connection) -> None:
        cut()
        connection.execute(select(schema.study)).all()

    given = robot.given(store.state(robot.rater), "happy")
    clock(store).time += 10
    with pytest.raises(StoreUnavailableError, match=r"terminating connection|server closed the connection"):
        store.database.write(job)
    assert not store.save(robot.rater, given)[0].replayed  # the next one finds its way by itself
    cut()
    assert store.save(robot.rater, given)[0].replayed
    assert answers(store) == 1
    store.close()


def test_a_busy_process_does_not_starve_another(study: StudyData) -> None:
    """Each store stands for a worker process. Where SQLite itself waits, hundreds of the other's jobs come first."""
    busy, quiet = Store(study), Store(study)
    written, stop = 0, threading.Event()

    def job(connection: Connection) -> None:
        nonlocal written
        connection.execute(select(schema.study)).all()
        time.sleep(0.005)
        written += 1

    def work() -> None:
        while not stop.is_set():
            busy.database.write(job)

    def count(_: Connection) -> int:
        return written

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        while not written:
            time.sleep(0.001)
        waited = []
        for _ in range(20):
            before = written
            waited.append(quiet.database.write(count) - before)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert max(waited) <= 3 * 4  # each batch of the busy one holds four jobs at the most
    busy.close()
    quiet.close()


def test_a_process_that_holds_the_lock_for_long_is_said(study: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("user_study.database.BUSY_SECONDS", 0.2)
    one, other = Store(study), Store(study)
    inside, leave = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        inside.set()
        leave.wait(20)

    thread = threading.Thread(target=lambda: one.database.write(hold))
    thread.start()
    try:
        assert inside.wait(20)
        with pytest.raises(StoreUnavailableError, match="does not let go of the database"):
            Robot(other)
    finally:
        leave.set()
        thread.join()
    Robot(other)
    one.close()
    other.close()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_database_that_is_gone_is_noticed_before_anything_is_acknowledged(study: StudyData, how: str) -> None:
    store = Store(study)
    robot = Robot(store)
    path = study.folder / "study.sqlite"
    shutil.copy(path, path.with_suffix(".copy"))
    path.unlink()
    if how == "replaced":
        path.with_suffix(".copy").rename(path)
    with pytest.raises(StoreUnavailableError, match="moved or deleted while the study runs"):
        robot.check()
    with pytest.raises(StoreUnavailableError, match="moved or deleted"):
        store.state(robot.rater)
    store.close()


def test_one_failing_job_does_not_undo_the_others(store: Store) -> None:
    def good(at: int) -> None:
        store.database.write(lambda c: c.execute(insert(schema.study).values(key=f"k{at}", value="")) and None)

    def bad() -> None:
        with pytest.raises(ZeroDivisionError):
            store.database.write(lambda c: c.execute(insert(schema.study).values(key="bad", value="")) and 1 / 0)

    threads = [threading.Thread(target=good, args=(i,)) for i in range(10)] + [threading.Thread(target=bad)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.database.read() as connection:
        keys = set(connection.scalars(select(schema.study.c.key)))
    assert keys == {"id", *(f"k{i}" for i in range(10))}


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite://", "postgresql://nobody@127.0.0.1:1/x"])
def test_database_urls_that_do_not_work(study: StudyData, url: str) -> None:
    with pytest.raises((ConfigError, StoreUnavailableError)) as error:
        Store(study, url)
    assert error.value.fix
