"""The user study under load, over real HTTP: nothing lost, nothing doubled, how long saving takes.

1. human: 200 raters at once, 5 to 15 s between answers, clips loaded in parts (HTTP Range).
2. fast: the same raters without any pause.
3. kills: the server is killed with SIGKILL 50 times under load; every confirmed answer must be in the database.

Raters, server and database share this machine's cores. `--database` names a PostgreSQL server (and a database to
connect to) instead of SQLite: each part makes a database of its own there and drops it. 1 and 2 run `eap-bench study
serve` with its worker processes; 3 runs the same application in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.study_raters import DESIGN, Killable, Load, free_port, rate, rate_and_kill
from benchmarks.fingerprint import ROOT
from eap.errors import MeasureError
from eap.media import write_video
from user_study.export import tables
from user_study.folder import StudyData, create_folder
from user_study.stimuli import Source
from user_study.store import Store

METHODS, EMOTIONS, IDENTITIES = ("a", "b", "c", "d"), ("angry", "fear", "happy", "sad"), ("M1", "M2", "M3")
P99_MS = 150.0
FAST_SECONDS = 30.0


def make_study(folder: Path, seconds: float = 2.0, trials: int = 40, playback: str = "true") -> StudyData:
    """48 clips of coloured noise, 128 px: about the size of the embedded world's."""
    dice = np.random.default_rng(0)
    clip = folder.parent / f"{folder.name}.mp4"
    frames = dice.integers(60, 200, (round(25 * seconds), 16, 16, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    write_video(clip, frames, 25, dice.normal(0, 0.05, round(16000 * seconds)).astype(np.float32), 16000)
    sources = [Source(m, "", f"{i}_{e}", i, e, 3, "001", clip) for m in METHODS for e in EMOTIONS for i in IDENTITIES]
    return create_folder(folder, DESIGN.format(trials=trials, playback=playback), sources, "load")[0]


def figures_of(study: StudyData, database: str, load: Load) -> Figures:
    """Hold what was confirmed against what is in the database."""
    store = Store(study, database)
    try:
        from sqlalchemy import select

        from user_study import schema

        with store.database.read() as connection:
            saved = list(connection.scalars(select(schema.answers.c.id)))
            rows = tables(connection, study).answers
        faults = store.recount()
    finally:
        store.close()
    doubled = sum(n - 1 for n in Counter(saved).values())
    doubled += int(rows.duplicated(["rater", "position", "question", "attempt"]).sum())
    told: Figures = {
        "confirmed": len(load.acknowledged),
        "lost": len(set(load.acknowledged) - set(saved)),
        "doubled": doubled,
        "saved_but_never_confirmed": len(set(saved) - set(load.acknowledged)),
        "count_faults": len(faults),
        "refused": dict(Counter(load.refused)),
        "tries_again": load.retries,
        "confirmed_on_replay": load.replayed,
    }
    if load.seconds:
        p = np.percentile(1000 * np.array(load.seconds), [50, 95, 99, 100])
        told |= dict(zip(("save_ms_p50", "save_ms_p95", "save_ms_p99", "save_ms_worst"), p.tolist(), strict=True))
    if load.media_seconds:
        told["media_ms_p99"] = float(np.percentile(1000 * np.array(load.media_seconds), 99))
        told["media_mb"] = load.media_bytes / 1e6
    return told


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """An empty database on the PostgreSQL server of `url`, dropped afterwards; "" (SQLite) stays "".

    Raises MeasureError when the server cannot be reached.
    """
    if not url:
        yield ""
        return
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"study_load_{os.urandom(6).hex()}"
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    except psycopg.OperationalError as error:
        raise MeasureError(f"PostgreSQL: {str(error).splitlines()[0]}", fix="start it, or correct --database") from None


def under_load(
    work: Path, name: str, args: argparse.Namespace, database: str, think: tuple[float, float], seconds: float
) -> Figures:
    """One run of `rate` against `study serve`."""
    study = make_study(work / name, playback="true" if think[0] else "false")
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.cli", "study", "serve", str(study.folder), "--port", str(port)]
    command += ["--workers", str(args.workers)] + (["--database", database] if database else [])
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, process_group=0)
    try:
        wait_until_up(f"http://127.0.0.1:{port}", 300)
        began, busy = time.monotonic(), os.getloadavg()
        load = asyncio.run(rate(f"http://127.0.0.1:{port}", args.raters, think, seconds))
        took = time.monotonic() - began
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)
    told = figures_of(study, database, load)
    told |= {"raters": args.raters, "seconds": took, "answers_per_second": len(load.acknowledged) / took}
    told |= {"load_average_before": list(busy), "load_average_after": list(os.getloadavg())}
    return told


def under_kills(work: Path, args: argparse.Namespace, database: str) -> Figures:
    """Kills at random moments."""
    study = make_study(work / "kills", playback="false")
    port = free_port()
    server = Killable(study.folder, database, port)
    server.start()
    wait_until_up(f"http://127.0.0.1:{port}", 300)
    load = asyncio.run(rate_and_kill(server, f"http://127.0.0.1:{port}", 30, args.kills, (0.1, 1.5)))
    server.close()
    return figures_of(study, database, load) | {"kills": args.kills, "raters": 30}


def wait_until_up(base: str, seconds: float) -> None:
    """Until /health answers. Raises MeasureError when it does not in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{base}/health", timeout=5) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise MeasureError(f"{base}: the server did not come up in {seconds:.0f} s", fix="run it by hand and look")


def measure(args: argparse.Namespace) -> Figures:
    """All parts that are asked for."""
    work = Path(tempfile.mkdtemp(prefix="study-load-"))
    told: Figures = {"database": "postgresql" if args.database else "sqlite", "workers": args.workers}
    try:
        for part in args.parts:
            with fresh_database(args.database) as database:
                if part == "human":
                    told[part] = under_load(work, part, args, database, (5.0, 15.0), args.seconds)
                    told[part]["p99_within_150_ms"] = told[part].get("save_ms_p99", float("inf")) <= P99_MS
                elif part == "fast":
                    told[part] = under_load(work, part, args, database, (0.0, 0.0), min(FAST_SECONDS, args.seconds))
                else:
                    told[part] = under_kills(work, args, database)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return told


def arguments(parser: argparse.ArgumentParser) -> None:
    """What is run."""
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument(
        "--seconds", type=float, default=180.0, help=f"length of the human part (fast: {FAST_SECONDS:g} at most)"
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", default="", help="URL of a PostgreSQL server, like postgresql://user@/postgres")
    parser.add_argument("--parts", nargs="+", choices=("human", "fast", "kills"), default=["human", "fast", "kills"])
    parser.add_argument("--name", default="study_load", help="name of the JSON file")


if __name__ == "__main__":
    chosen = sys.argv[sys.argv.index("--name") + 1] if "--name" in sys.argv else "study_load"
    main(chosen, __doc__, measure, arguments)
