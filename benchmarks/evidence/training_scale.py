"""A training killed again and again, spread over processes, and poisoned: what is left of it, in numbers.

    python -m benchmarks.evidence.training_scale

Runs the tests' small training (32 px, all losses of ERA, D and D_E) as processes of their own: ten SIGKILLs at random
steps, two processes under torchrun against one that takes both shares, and a batch that is not finite in one of two
processes. About three minutes of one core; needs a checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.evidence.common import Figures, main
from benchmarks.fingerprint import ROOT
from eap.errors import MeasureError

STEPS = 24
EVERY = 2


def _command(folder: Path, out: str, *options: str) -> list[str]:
    own = ["tests.eap.training.small_run", "--arrays", str(folder / "arrays"), "--out", str(folder / out), *options]
    return ["-m", *own]


def _environment(extra: str = "") -> dict[str, str]:
    path = os.pathsep.join(part for part in (str(ROOT), extra) if part)
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}


def _run(arguments: list[str], extra: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=_environment(extra), capture_output=True, text=True, check=False
    )


def _finish(arguments: list[str], extra: str = "") -> None:
    done = _run(arguments, extra)
    if done.returncode != 0:
        raise MeasureError(f"a training ended with {done.returncode}: {done.stderr[-300:]}")


def _state(folder: Path) -> dict[str, Any]:
    from eap.training.checkpoints import load_checkpoint

    state = load_checkpoint(folder / "checkpoint.pt")
    if state is None:
        raise MeasureError(f"{folder}: no checkpoint")
    return state


def _rows(folder: Path) -> list[dict[str, float]]:
    found = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    import torch

    return all(
        torch.equal(one[part][name], tensor)
        for part in ("talker", "ema", "aux", "D")
        for name, tensor in other[part].items()
    )


def _kill(folder: Path, arguments: list[str], step: int, pause: float) -> None:
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.split() == ["step", str(step)]:
            time.sleep(pause)
            break
    process.kill()
    process.wait()


def kills(folder: Path, count: int, seed: int) -> Figures:
    """``count`` SIGKILLs, each one to three steps after the checkpoint that was resumed."""
    options = ("--phase", "represent", "--steps", str(STEPS), "--checkpoint-every", str(EVERY))
    _finish(_command(folder, "whole", *options))
    rng, at = random.Random(seed), []
    reached = 0
    for _ in range(count):
        step = min(reached + rng.randint(1, 3), STEPS - 1)
        _kill(folder, _command(folder, "cut", *options), step, rng.uniform(0, 0.08))
        at.append(step)
        checkpoint = folder / "cut" / "represent" / "checkpoint.pt"
        reached = int(_state(checkpoint.parent)["step"]) if checkpoint.exists() else 0
    _finish(_command(folder, "cut", *options))
    whole, cut = folder / "whole" / "represent", folder / "cut" / "represent"
    curves = [(place / "curves.svg").read_bytes() for place in (whole, cut)]
    return {
        "kills": count,
        "killed_after_step": at,
        "steps": STEPS,
        "checkpoint_every": EVERY,
        "same_weights_bit_for_bit": _same(_state(cut), _state(whole)),
        "same_log": _rows(cut) == _rows(whole),
        "same_curves": curves[0] == curves[1],
    }


def _deviation(one: Path, two: Path) -> Figures:
    """Largest differences of losses (relative, of magnitudes above .001) and of weights between two trainings."""
    rows = list(zip(_rows(one), _rows(two), strict=True))
    relative = max(abs(a[k] - b[k]) / abs(a[k]) for a, b in rows for k in a if abs(a[k]) > 1e-3)
    mine, theirs = _state(one)["talker"], _state(two)["talker"]
    weights = max(float((mine[name] - tensor).abs().max()) for name, tensor in theirs.items())
    return {"steps": len(rows), "losses_max_relative": relative, "weights_max_abs": weights}


def processes(folder: Path, accelerate: str) -> Figures:
    """Two processes by torchrun (and accelerate launch, where it is given) against one with both shares."""
    phases = ("--phase", "represent", "--phase", "neutralize", "--micro", "2")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    _finish(_command(folder, "one", *phases))
    _finish([*torchrun, *_command(folder, "two", *phases)])
    found: Figures = {
        phase: _deviation(folder / "one" / phase, folder / "two" / phase) for phase in ("represent", "neutralize")
    }
    if accelerate:
        launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
        launch += ["--mixed_precision", "no", "--dynamo_backend", "no"]
        _finish([*launch, *_command(folder, "three", *phases)], accelerate)
        found["accelerate_launch"] = _deviation(folder / "two" / "represent", folder / "three" / "represent")
    bad = _run([*torchrun, *_command(folder, "bad", "--phase", "represent", "--micro", "2", "--poison", "1",
                                     "--checkpoint-every", "1")])  # fmt: skip
    kept = _state(folder / "bad" / "represent")
    found["not_finite_in_one_process"] = {
        "stopped": bad.returncode != 0,
        "kept_checkpoint_of_step": int(kept["step"]),
        "named_its_clips": "reference M00" in bad.stderr and "not finite at step 2" in bad.stderr,
        "told_by_the_other": "in another process" in bad.stderr,
    }
    return found


def measure(args: argparse.Namespace) -> Figures:
    """All three."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {"kill_9": kills(folder, args.kills, args.seed), "processes": processes(folder, args.accelerate)}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=10, help="how many SIGKILLs")
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--accelerate", default="", help="a folder with the package accelerate, to launch by it too")


if __name__ == "__main__":
    main("training_scale", __doc__, measure, _options)
