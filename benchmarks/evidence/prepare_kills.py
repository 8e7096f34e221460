"""kill -9 at random moments of `data prepare` and of `run --data`: the same end as the undisturbed run.

Each command runs once undisturbed, which also tells how long it takes; then it is started again and again in a folder
of its own and killed with its worker processes' parent after a random time, and at last left to end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.prepare_damage import SUITE, build_world, damage_world
from benchmarks.fingerprint import ROOT
from eap.errors import MeasureError

KILLS: Final = 10


def options(parser: argparse.ArgumentParser) -> None:
    """How often, and how large."""
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--identities", type=int, default=4, help="people of 22 clips each (default: 4)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=["prepare", "run", "both"], default="both")


def command(*arguments: object) -> list[str]:
    """The command line as a process of its own."""
    return [sys.executable, "-m", "benchmarks.cli", *(str(argument) for argument in arguments)]


def finish(line: list[str]) -> float:
    """Run to the end; returns seconds. Raises MeasureError when it fails otherwise than by naming unusable files."""
    began = time.monotonic()
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise MeasureError(f"exit code {done.returncode}: {done.stderr[-400:]}", fix="run it by hand")
    return time.monotonic() - began


def kill_after(line: list[str], seconds: float) -> bool:
    """Start, kill -9 after so long; False where it had ended before."""
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def killed_often(line: list[str], whole: float, kills: int, rng: random.Random) -> dict[str, Any]:
    """Kill `kills` times, then let it end. Each moment is drawn from what an undisturbed run takes."""
    moments, ended = [], 0
    for _ in range(kills):
        moment = rng.uniform(0.05, 1.0) * whole * 0.6
        moments.append(round(moment, 1))
        ended += not kill_after(line, moment)
    return {"killed_after_seconds": moments, "ended_before_the_kill": ended, "last_seconds": finish(line)}


def tree(folder: Path) -> dict[str, str]:
    """Every file of a prepared folder that is a result: path -> sha256. The journal's order is not."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "journal.jsonl"
    }


def numbers(run: Path) -> dict[str, Any]:
    """Every value of a run's journal, by method, track, clip and metric; the last line of a clip counts."""
    found = {}
    for line in (run / "clips.jsonl").read_text().splitlines():
        record = json.loads(line)
        key = f"{record['method']}|{record['track']}|{record['clip']}"
        found[key] = {name: value["value"] for name, value in record["values"].items()} | {"status": record["status"]}
    return found


def kill_prepare(folder: Path, world: Path, args: argparse.Namespace, rng: random.Random) -> Figures:
    """`data prepare` of a damaged world, with arrays."""
    lines = {
        name: command("data", "prepare", world, "--out", folder / name, "--size", 96, "--workers", 2, "--json")
        for name in ("quiet", "killed")
    }
    whole = finish(lines["quiet"])
    report = killed_often(lines["killed"], whole, args.kills, rng)
    quiet, killed = tree(folder / "quiet"), tree(folder / "killed")
    return {
        "kills": args.kills - report["ended_before_the_kill"],
        "undisturbed_seconds": whole,
        "files": len(quiet),
        "files_that_differ": sorted(
            name for name in quiet.keys() | killed.keys() if quiet.get(name) != killed.get(name)
        ),
        **report,
    }


def kill_run(folder: Path, args: argparse.Namespace, rng: random.Random) -> Figures:
    """`run --data` of the prepared clips with two methods, one of them a folder of results."""
    suite = folder / "damage.toml"
    suite.write_text(SUITE.format(identities=args.identities))
    results = folder / "results"
    results.mkdir()
    clips = folder / "quiet" / "clips"
    for video in sorted(clips.rglob("*.mp4")):
        identity, _, view, emotion, level, name = video.relative_to(clips).parts
        os.link(video, results / f"{identity}_{view}_{emotion}_{level[-1]}_{name}")
    times, found = {}, {}
    lines = {
        name: command(
            "run", "--suite", suite, "--data", clips, "--method", f"ground-truth,theirs={results}",
            "--track", "neutral",
            "--out", folder / f"run-{name}", "--workers", 2, "--no-report", "--json",
        )
        for name in ("quiet", "killed")
    }  # fmt: skip
    os.environ["EAP_CACHE"] = str(folder / "cache-quiet")
    times["whole"] = finish(lines["quiet"])
    os.environ["EAP_CACHE"] = str(folder / "cache-killed")
    report = killed_often(lines["killed"], times["whole"], args.kills, rng)
    found = {name: numbers(folder / f"run-{name}") for name in lines}
    differing = [key for key in found["quiet"].keys() | found["killed"].keys() if _other(found, key)]
    return {
        "kills": args.kills - report["ended_before_the_kill"],
        "undisturbed_seconds": times["whole"],
        "rows": len(found["quiet"]),
        "rows_that_differ": sorted(differing),
        **report,
    }


def _other(found: dict[str, dict[str, Any]], key: str) -> bool:
    return bool(found["quiet"].get(key) != found["killed"].get(key))


def measure(args: argparse.Namespace) -> Figures:
    """Both commands, one after the other."""
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder, world = Path(name), Path(name) / "world"
        build_world(world, args.identities)
        damage_world(world)
        figures: Figures = {"clips": args.identities * 22}
        figures["prepare"] = kill_prepare(folder, world, args, rng)
        if args.part != "prepare":
            figures["run"] = kill_run(folder, args, rng)
    return figures


if __name__ == "__main__":
    main("prepare_kills", __doc__, measure, options)
