"""The server as a process: kill -9, two servers, orphans, everything that is checked before it opens."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.evidence.study_load import figures_of, make_study, wait_until_up
from benchmarks.evidence.study_raters import Killable, free_port, rate, rate_and_kill
from eap.errors import ConfigError
from user_study.folder import StudyData
from user_study.serving import Serving, check, only_server
from user_study.store import Store

ROOT = Path(__file__).resolve().parents[2]


def test_kill_9_under_load_loses_no_confirmed_answer(tmp_path: Path, database: str) -> None:
    """Three times here; fifty times in `benchmarks.evidence.study_load`."""
    study = make_study(tmp_path / "study", seconds=0.4, trials=12, playback="false")
    port = free_port()
    server = Killable(study.folder, database, port)
    server.start()
    wait_until_up(f"http://127.0.0.1:{port}", 120)
    load = asyncio.run(rate_and_kill(server, f"http://127.0.0.1:{port}", 8, 3, (0.1, 0.5)))
    server.close()
    found = figures_of(study, database, load)
    assert found["confirmed"] >= 3
    assert (found["lost"], found["doubled"], found["count_faults"]) == (0, 0, 0)
    assert found["refused"] == {}


def test_several_workers_serve_one_study_and_die_with_their_server(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", seconds=0.4, trials=3, playback="false")
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.cli", "study", "serve", str(study.folder), "--port", str(port)]
    server = subprocess.Popen([*command, "--workers", "2"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        base = f"http://127.0.0.1:{port}"
        wait_until_up(base, 300)
        load = asyncio.run(rate(base, 6, (0.0, 0.01), 120))
        found = figures_of(study, "", load)
        assert found["confirmed"] == 6 * 3 * 2
        assert (found["lost"], found["doubled"], found["count_faults"]) == (0, 0, 0)
        second = subprocess.run(
            [*command[:-1], str(free_port())], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert second.returncode == 2
        assert f"is already served by process {server.pid}" in second.stderr
    finally:
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
    until = time.monotonic() + 60
    while time.monotonic() < until and not _free(port):
        time.sleep(0.1)
    assert _free(port), "worker processes went on without their server"


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_only_one_server_has_an_sqlite_study(study: StudyData) -> None:
    with (
        only_server(study, ""),
        pytest.raises(ConfigError, match="is already served by process"),
        only_server(study, ""),
    ):
        pass
    with only_server(study, ""):
        pass
    with only_server(study, "postgresql://x/y"), only_server(study, "postgresql://x/y"):
        pass


def test_a_port_that_is_taken(study: StudyData) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigError, match="cannot be opened"):
            check(study, "", Serving(port=other.getsockname()[1]))


@pytest.mark.parametrize("prefix", ["study", "/study/", "/"])
def test_prefixes(study: StudyData, prefix: str) -> None:
    with pytest.raises(ConfigError, match="--root-path"):
        check(study, "", Serving(root_path=prefix))


def test_tls_needs_both_files(study: StudyData, tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("x")
    with pytest.raises(ConfigError, match="needs both"):
        check(study, "", Serving(certificate=tmp_path / "c.pem"))
    with pytest.raises(ConfigError, match=r"nowhere\.pem: no such file"):
        check(study, "", Serving(certificate=tmp_path / "c.pem", private_key=tmp_path / "nowhere.pem"))


def test_a_clock_that_is_behind_is_said(study: StudyData) -> None:
    store = Store(study)
    from tests.user_study.small_study import Clockwork, Robot

    store.clock = Clockwork(time.time() + 3600)  # type: ignore[assignment]
    Robot(store)
    store.close()
    ready = check(study, "", Serving(port=free_port()))
    assert ready.raters == 1
    assert "clock is 3" in ready.notes[0]
    assert "times go on from there" in ready.notes[0]
