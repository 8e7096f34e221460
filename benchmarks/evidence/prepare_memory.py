"""Peak memory of `data prepare` on a minute and on ten minutes of one video: it must not grow with the length."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.evidence.common import Figures, main
from benchmarks.fingerprint import ROOT
from eap import media
from eap.constants import FPS, RATE
from eap.errors import MeasureError


def options(parser: argparse.ArgumentParser) -> None:
    """How long, how large."""
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=256, help="side of the crops (default: 256)")
    parser.add_argument("--work", type=Path, help="keep everything in this folder; long videos there are used again")


def long_video(path: Path, minutes: float) -> None:
    """A talking face of the embedded world in a grey room of 640 x 480, back and forth, with sound."""
    from eap.synth.clip import ClipSpec, render_clip

    made = render_clip(ClipSpec(2000, "happy", 3, 200, seconds=2.0), size=192)
    if made.frames is None:
        raise AssertionError("render_clip drew no frames")
    n = len(made.frames)
    order = [*range(n), *range(n - 2, 0, -1)]
    sound = np.tile(made.audio, -(-len(order) * 640 // len(made.audio)))[: len(order) * 640]
    with media.VideoWriter(path, 640, 480, FPS, RATE) as writer:
        frame = np.full((480, 640, 3), 110, np.uint8)
        for index in range(round(minutes * 60 * FPS)):
            left = 220 + round(60 * np.sin(index / 200))
            frame[:] = 110
            frame[140:332, left : left + 192] = made.frames[order[index % len(order)]]
            writer.write(frame)
            if index % len(order) == len(order) - 1:
                writer.write_audio(sound)


def peak_memory(folder: Path, minutes: float, size: int) -> dict[str, float]:
    """`data prepare --workers 1` on one video in a process of its own: its peak resident memory, MiB."""
    source, out = folder / f"long-{minutes:g}", folder / f"out-{minutes:g}"
    if not (source / "long.mp4").exists():
        long_video(source / "long.mp4", minutes)
    shutil.rmtree(out, ignore_errors=True)
    line = [sys.executable, "-m", "benchmarks.cli", "data", "prepare", str(source), "--layout", "folder",
            "--size", str(size), "--out", str(out), "--workers", "1", "--json"]  # fmt: skip
    began = time.monotonic()
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise MeasureError(f"data prepare ended with {os.waitstatus_to_exitcode(status)}", fix="run it by hand")
    return {"minutes": minutes, "peak_mib": usage.ru_maxrss / 1024, "seconds": time.monotonic() - began}


def memory(folder: Path, minutes: float, size: int) -> Figures:
    """A tenth of the length, then all of it."""
    short, whole = peak_memory(folder, minutes / 10, size), peak_memory(folder, minutes, size)
    return {"size": size, "short": short, "long": whole, "ratio": whole["peak_mib"] / short["peak_mib"]}


def measure(args: argparse.Namespace) -> Figures:
    """Both lengths, one after the other."""
    with tempfile.TemporaryDirectory() as name:
        return memory(args.work or Path(name), args.minutes, args.size)


if __name__ == "__main__":
    main("prepare_memory", __doc__, measure, options)
