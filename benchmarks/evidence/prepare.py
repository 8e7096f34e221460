"""Preparation: frames per second beside the naive loop, and faces in every frame of real speech videos.

The naive loop is what one writes first: one process, and for every frame a search of the whole picture, a crop about
that frame's box, the network on that one crop; then the file. Finder, network, sizes and files are the same for both.
Wall-clock time on two cores is compared, and CPU time per frame, which does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import resource
import shutil
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
COPIES: Final = 4
"""Each real clip is prepared so often: the start of worker processes is part of the time."""


def options(parser: argparse.ArgumentParser) -> None:
    """Where real videos lie."""
    parser.add_argument("--real", type=Path, default=REAL, help="folder of GRID clips")
    parser.add_argument("--rounds", type=int, default=2)


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
    """Faces first, then speed."""
    with tempfile.TemporaryDirectory() as name:
        return {"real": real_faces(args.real, Path(name)), "speed": speed(args.real, Path(name), args.rounds)}


if __name__ == "__main__":
    main("prepare", __doc__, measure, options)
