"""Preparation: frames per second beside the naive loop, memory on ten minutes of video, faces in real speech videos.

The naive loop is what one writes first: one process, and for every frame a search of the whole picture, a crop about
that frame's box, the network on that one crop; then the file. Finder, network, sizes and files are the same for both.
Wall-clock time on two cores is compared, and CPU time per frame, which does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.evidence.common import Figures, main
from benchmarks.fingerprint import ROOT
from eap import media
from eap.constants import FPS, RATE
from eap.data.faces import BOX_IN_CROP, find_faces
from eap.data.folder import read_folder
from eap.data.prepare import cropping
from eap.data.prepare.labels import TeacherLabeller, save_labels
from eap.data.prepare.plan import Settings, Tools
from eap.errors import MeasureError

REAL: Final = ROOT.parent / "shared" / "real"
COPIES: Final = 8
"""Each real clip is prepared so often: the start of worker processes is part of the time."""


def options(parser: argparse.ArgumentParser) -> None:
    """Where real videos lie, and how long the long one is."""
    parser.add_argument("--real", type=Path, default=REAL, help="folder of GRID clips")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=256, help="side of the long video's crops")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", type=Path, help="keep everything in this folder; a long video there is used again")
    parser.add_argument("--parts", nargs="+", default=["speed", "memory", "real"])


def naive(video: Path, out: Path, labeller: TeacherLabeller, size: int) -> int:
    """One clip by the naive loop; returns its frames."""
    crops, labels = [], []
    matrix = np.zeros((2, 3))
    for block in media.read_frames(video, chunk=1):
        left, top, side = find_faces(block[0])[0]
        square = round(side / BOX_IN_CROP[2])
        box = (round(left - BOX_IN_CROP[0] * square), round(top - BOX_IN_CROP[1] * square), square)
        crops.append(cropping.cut(block[0], box, size))
        labels.append(labeller.read(crops[-1][None]))
        matrix = cropping.box_matrix(box, size)
    sound = media.read_audio(video)
    media.write_audio(out / f"{video.stem}.wav", sound, RATE)
    media.write_video(out / f"{video.stem}.mp4", np.stack(crops), FPS, audio=sound, rate=RATE, crf=10)
    read = type(labels[0])(
        np.concatenate([one.landmarks for one in labels]),
        np.concatenate([one.affect for one in labels]),
        np.concatenate([one.emotion for one in labels]),
    )
    save_labels(out / f"{video.stem}.npz", read, matrix, 0, labeller.name)
    return len(crops)


def _timed(work: Callable[[], int]) -> dict[str, float]:
    """Frames per second of wall-clock time, and CPU milliseconds per frame of this process and its children."""
    began, cpu = time.monotonic(), _cpu()
    frames = work()
    seconds, used = time.monotonic() - began, _cpu() - cpu
    return {"frames": frames, "frames_per_second": frames / seconds, "cpu_ms_per_frame": 1000 * used / frames}


def _cpu() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def speed(real: Path, folder: Path, rounds: int) -> Figures:
    """Both ways in turn on real clips."""
    from benchmarks.executors import make_executor
    from eap.data.prepare.dataset import prepare

    sources = sorted(real.glob("*.mpg"))
    if not sources:
        raise MeasureError(f"{real}: no .mpg clips", fix="give --real a folder of GRID clips, or leave speed out")
    for source in sources:
        for copy in range(COPIES):
            (folder / "many").mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / "many" / f"{source.stem}-{copy}.mpg")
    labeller = TeacherLabeller()
    (folder / "naive").mkdir(exist_ok=True)
    naive(sources[0], folder / "naive", labeller, 256)  # loads the network and the cascade
    measured: dict[str, list[dict[str, float]]] = {"naive": [], "prepare": []}
    for number in range(rounds):
        measured["naive"].append(_timed(lambda: sum(naive(s, folder / "naive", labeller, 256) for s in sources)))

        def ours(number: int = number) -> int:
            out = folder / f"ours-{number}"
            many = read_folder(folder / "many")
            return prepare(many, out, "folder", Settings(), Tools(), make_executor("local", 2)).frames

        measured["prepare"].append(_timed(ours))
    best = {kind: max(one["frames_per_second"] for one in each) for kind, each in measured.items()}
    cpu = {kind: min(one["cpu_ms_per_frame"] for one in each) for kind, each in measured.items()}
    return {
        "size": 256,
        "source": "GRID, 360 x 288",
        "rounds": measured,
        "naive_frames_per_second": best["naive"],
        "prepare_frames_per_second": best["prepare"],
        "ratio_wall_2_cores": best["prepare"] / best["naive"],
        "ratio_of_each_round": [
            ours["frames_per_second"] / plain["frames_per_second"]
            for ours, plain in zip(measured["prepare"], measured["naive"], strict=True)
        ],
        "ratio_cpu_per_frame": cpu["naive"] / cpu["prepare"],
    }


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


def real_faces(real: Path, folder: Path) -> Figures:
    """A look at every single frame of the real speech videos."""
    from benchmarks.executors import make_executor
    from eap.data.prepare.dataset import prepare

    done = prepare(read_folder(real), folder / "real", "folder", Settings(every=1), Tools(), make_executor("local", 2))
    clips = {source.clip: {"frames": source.frames, "face_found_in": source.found} for source in done.sources}
    return {
        "clips": clips,
        "frames": sum(source.frames for source in done.sources),
        "frames_with_a_face": sum(source.found for source in done.sources),
    }


def measure(args: argparse.Namespace) -> Figures:
    """All parts."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder: Path = args.work or Path(name)
        if "real" in args.parts:
            figures["real"] = real_faces(args.real, folder)
        if "speed" in args.parts:
            figures["speed"] = speed(args.real, folder, args.rounds)
        if "memory" in args.parts:
            figures["memory"] = memory(folder, args.minutes, args.size)
    return figures


if __name__ == "__main__":
    main("prepare", __doc__, measure, options)
