"""How fast the embedded world is made: CPU time of a frame, and sound with truth against real time.

CPU seconds of one thread (`time.process_time`), because walls of a shared machine say nothing. With --prototype DIR
the first sketch of the world draws the same number of frames, alternated with this one in the same run.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.evidence.common import Figures, main
from eap.constants import EMOTIONS, FPS, RATE
from eap.errors import MeasureError
from eap.synth.clip import ClipSpec, render_clip
from eap.synth.face import build_face

SIZE = 128
_FRAMES = 24
"""Frames drawn at a turn of each side."""

Pass = Callable[[], float]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--prototype", type=Path, help="folder of the first sketch (face.py, render.py, clip.py)")
    parser.add_argument("--turns", type=int, default=15, help="alternations (default 15)")


def acts_of(identity: int, emotion: str) -> list[tuple[dict[str, float], tuple[float, float, float]]]:
    """Activations and head pose of evenly spread frames of a real clip."""
    truth = render_clip(ClipSpec(identity, emotion, 3, 203), frames=False).truth
    picked = np.linspace(0, len(truth) - 1, _FRAMES).astype(int)
    return [
        (
            {name: float(value) for name, value in zip(truth.au_names, truth.au[at], strict=True)},
            (float(truth.head[at, 0]), float(truth.head[at, 1]), float(truth.head[at, 2])),
        )
        for at in picked
    ]


def ours(identity: int, emotion: str, supersample: int = 2, size: int = SIZE) -> Pass:
    """A pass of this world: CPU seconds per frame."""
    face, poses = build_face(identity), acts_of(identity, emotion)

    def draw() -> float:
        began = time.process_time()
        for acts, head in poses:
            face.draw(acts, head, size=size, supersample=supersample)
        return (time.process_time() - began) / len(poses)

    draw()
    return draw


def prototypes(folder: Path, identity: int, emotion: str) -> Pass:
    """A pass of the prototype, as its own `make_clip` draws. Raises MeasureError when it is not there."""
    if not (folder / "render.py").exists():
        raise MeasureError(f"{folder}: no prototype there (render.py)", fix="leave --prototype out to skip it")
    sys.path.insert(0, str(folder))
    try:
        render, emo = importlib.import_module("render"), importlib.import_module("emo")
    finally:
        sys.path.remove(str(folder))
    scene = render.Scene(render.identity(identity))
    full, mouths = emo.EAU[emotion], list(emo.PH.values())
    poses = []
    for at in range(_FRAMES):
        alpha = at / (_FRAMES - 1)
        acts = emo.mix({name: value * alpha for name, value in full.items()}, 1, np.array(mouths[at % len(mouths)]))
        poses.append((acts, (0.1 * np.sin(at), 0.03 * np.cos(at), 0.0)))

    def draw() -> float:
        began = time.process_time()
        for acts, head in poses:
            vertices = render.pose(scene, acts, head)
            render.landmarks(vertices, SIZE)
            render.render(scene, vertices, acts, SIZE, 2)
        return (time.process_time() - began) / len(poses)

    draw()
    return draw


def compare(args: argparse.Namespace) -> Figures:
    """Frames of both sides in turns, other people each turn; medians, and the median of the ratios."""
    cast = [(1 + turn, EMOTIONS[turn % len(EMOTIONS)]) for turn in range(args.turns)]
    mine: list[float] = []
    theirs: list[float] = []
    for turn, (identity, emotion) in enumerate(cast):
        sides: list[tuple[list[float], Pass]] = [(mine, ours(identity, emotion if emotion != "neutral" else "sad"))]
        if args.prototype is not None:
            sides.append((theirs, prototypes(args.prototype, identity, emotion)))
        for times, draw in sides if turn % 2 else sides[::-1]:
            times.append(draw())
    figures: Figures = {"frame_ms": _ms(mine), "turns": args.turns, "frames_per_turn": _FRAMES}
    if theirs:
        ratios = np.array(mine) / np.array(theirs)
        spread = [float(ratios.min()), float(ratios.max())]
        figures["prototype_frame_ms"] = _ms(theirs)
        figures["ratio_to_prototype"] = {"median": float(np.median(ratios)), "range": spread}
    else:
        figures["not_run"] = "the prototype was not run: no --prototype was given"
    return figures


def _ms(seconds: list[float]) -> Figures:
    return {"median": 1e3 * float(np.median(seconds)), "best": 1e3 * min(seconds)}


def sound_and_truth(clips: int = 8) -> Figures:
    """Seconds of speech with all truth (landmarks too, no pictures) made in a CPU second; faces are there already."""
    specs = [ClipSpec(who, EMOTIONS[who], 1, 200 + who) for who in range(clips)]
    for spec in specs:
        render_clip(spec, frames=False)
    began = time.process_time()
    seconds = sum(len(render_clip(spec, frames=False).audio) / RATE for spec in specs)
    return {"times_real_time": seconds / (time.process_time() - began), "clips": clips}


def whole_clip() -> Figures:
    """CPU seconds of a clip with everything but its twin, and of building a new person."""
    spec = ClipSpec(5, "happy", 3, 203)
    render_clip(spec, size=SIZE, frames=False)
    began = time.process_time()
    clip = render_clip(spec, size=SIZE)
    drawn = time.process_time()
    build_face(4711)
    return {
        "cpu_seconds": drawn - began,
        "seconds_of_clip": len(clip.truth) / FPS,
        "new_identity_ms": 1e3 * (time.process_time() - drawn),
    }


def measure(args: argparse.Namespace) -> Figures:
    """All speeds."""
    return {
        "size": SIZE,
        "supersample": 2,
        "frame": compare(args),
        "frame_256": _ms([ours(3, "happy", size=256)() for _ in range(3)]),
        "sound_and_truth": sound_and_truth(),
        "clip": whole_clip(),
    }


if __name__ == "__main__":
    main("world_speed", __doc__, measure, arguments)
