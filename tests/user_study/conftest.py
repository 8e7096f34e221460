"""Studies for the tests: one folder made once, copied for every test that writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.user_study.small_study import Clockwork, make_study, write_clips  # noqa: E402
from user_study.folder import StudyData, open_folder  # noqa: E402
from user_study.stimuli import Source  # noqa: E402
from user_study.store import Store  # noqa: E402


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """Tiny videos: 3 methods x 3 emotions x 3 identities."""
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, clips: list[Source]) -> tuple[Path, str]:
    """A study's folder, not to be written in, and its admin token."""
    folder = tmp_path_factory.mktemp("made") / "study"
    _, token = make_study(folder, sources=clips)
    return folder, token


@pytest.fixture
def study(made: tuple[Path, str], tmp_path: Path) -> StudyData:
    """A study of the test's own."""
    return open_folder(shutil.copytree(made[0], tmp_path / "study"))


@pytest.fixture
def admin_token(made: tuple[Path, str]) -> str:
    """The token of `study`."""
    return made[1]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Makes empty PostgreSQL databases: of `EAP_TEST_POSTGRES_URL`, or of a server started here. Else skips."""
    given = os.environ.get("EAP_TEST_POSTGRES_URL")
    pytest.importorskip("psycopg", reason="psycopg is not installed: PostgreSQL was not tested")
    folder = Path(tempfile.mkdtemp(prefix="eap-postgres-"))
    try:
        base = given or _start_postgres(folder)
        yield lambda: _new_database(base)
    finally:
        if (folder / "data").is_dir():
            _postgres(_binary("pg_ctl"), "-D", folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _binary(name: str) -> Path:
    found = [*Path("/usr/lib/postgresql").glob(f"*/bin/{name}")]
    if path := shutil.which(name):
        found.append(Path(path))
    if not found:
        pytest.skip(f"no {name} here and EAP_TEST_POSTGRES_URL is not set: PostgreSQL was not tested")
    return found[0]


def _postgres(*command: object) -> None:
    """Run as the user that PostgreSQL accepts: it refuses root."""
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run([str(part) for part in command], check=True, user=user, cwd="/", capture_output=True, timeout=120)


def _start_postgres(folder: Path) -> str:
    initdb, pg_ctl = _binary("initdb"), _binary("pg_ctl")
    if os.geteuid() == 0:
        try:
            shutil.chown(folder, "postgres", "postgres")
        except LookupError:
            pytest.skip("root, and no user named postgres: PostgreSQL was not tested")
    data = folder / "data"
    _postgres(initdb, "-D", data, "-U", "eap", "--auth=trust", "-E", "UTF8")
    options = f"-k {folder} -c listen_addresses= -c max_connections=60"
    _postgres(pg_ctl, "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
    return f"postgresql://eap@/postgres?host={folder}"


def _new_database(base: str) -> str:
    import psycopg
    from sqlalchemy.engine import make_url

    url = make_url(base)
    name = f"eap_{os.urandom(6).hex()}"
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, of both kinds: empty for SQLite in the study's folder."""
    if request.param == "sqlite":
        return ""
    make: Callable[[], str] = request.getfixturevalue("postgres")
    return make()


@pytest.fixture
def store(study: StudyData, database: str) -> Iterator[Store]:
    """An open study on either database, with a clock that the test moves."""
    opened = Store(study, database)
    opened.clock = Clockwork()  # type: ignore[assignment]
    yield opened
    opened.close()
