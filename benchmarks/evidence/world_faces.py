"""Do real face detectors, trained on real faces, find the faces of the embedded world, and where?

One detector ships with the project's own dependencies (scikit-image's LBP cascade, frontal). More run in environments
of their own, given by --python (repeat it), with whatever of mediapipe 0.10.14 and OpenCV 4.10 they hold, e.g.
``python3 -m venv /tmp/mp && /tmp/mp/bin/pip install mediapipe==0.10.14 'opencv-contrib-python<4.11'``.
Frames are random moments of level 2 and 3 clips.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evidence.common import Figures, main, wilson
from benchmarks.evidence.pictures import UNSEEN, Shot, gather
from eap.constants import VIEWS
from eap.errors import MeasureError

SIZE = 256
_PARTS = {
    "all_68": slice(0, 68), "inner_51": slice(17, 68), "jaw": slice(0, 17), "brows": slice(17, 27),
    "nose": slice(27, 36), "eyes": slice(36, 48), "mouth": slice(48, 68),
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument(
        "--people",
        type=int,
        default=16,
        help="identities (default 16: 256 frames from the front, a quarter from every other camera)",
    )
    parser.add_argument("--python", type=Path, action="append", default=[], help="a Python that has real detectors")


def own_detector(frames: np.ndarray) -> dict[str, Any]:
    """The cascade the project itself crops photographs with."""
    from eap.data.faces import find_faces

    return {"scikit-image LBP frontal": {"found": [bool(find_faces(frame)) for frame in frames]}}


def foreign_detectors(python: Path, frames: np.ndarray) -> dict[str, Any]:
    """What the detectors of another environment find. Raises MeasureError when they cannot be run."""
    script = Path(__file__).with_name("real_detectors.py")
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "frames.npz", Path(folder) / "found.json"
        np.savez(given, frames=frames)
        done = subprocess.run(
            [str(python), str(script), str(given), str(answer)], capture_output=True, text=True, check=False
        )
        if done.returncode or not answer.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise MeasureError(f"{python}: {last}", fix="give a Python with mediapipe==0.10.14 or OpenCV 4.10")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found


def landmark_error(found: Sequence[Any], truth: np.ndarray) -> Figures:
    """Mean distance / outer-eye distance (points 36 and 45), by part, over frames with a face; (N, 68, 2) pixels.

    ``without_offset`` takes away each landmark's mean error first: what is left is not a matter of definition.
    """
    seen = [i for i, points in enumerate(found) if points is not None]
    if not seen:
        raise MeasureError("no face was found in any frame", fix="look at the frames")
    eyes = np.linalg.norm(truth[seen, 36] - truth[seen, 45], axis=1)[:, None, None]
    off = (np.array([found[i] for i in seen]) - truth[seen]) / eyes
    distance = np.linalg.norm(off, axis=-1)
    rest = np.linalg.norm(off - off.mean(axis=0), axis=-1)
    parts = {name: float(distance[:, part].mean()) for name, part in _PARTS.items()}
    return parts | {"inner_51_without_offset": float(rest[:, _PARTS["inner_51"]].mean()), "frames": len(seen)}


def rates(results: dict[str, Any], view: np.ndarray) -> Figures:
    """Detection rates with Wilson intervals: front, all views, each view; landmark figures where there are any."""
    table: Figures = {}
    for tool, result in results.items():
        found = np.array(result["found"])
        table[tool] = {
            "front": _rate(found[view == "front"]),
            "all_views": _rate(found),
            "by_view": {name: float(found[view == name].mean()) for name in VIEWS if (view == name).any()},
        }
    return table


def _summary(found: np.ndarray, view: np.ndarray) -> dict[str, str]:
    """Percentages as they are printed."""
    columns = {"front": view == "front", "all views": np.ones(len(view), bool)} | {
        name: view == name for name in VIEWS[1:]
    }
    return {name: f"{100 * found[chosen].mean():.1f} %" for name, chosen in columns.items() if chosen.any()}


def _rate(found: np.ndarray) -> Figures:
    return wilson(int(found.sum()), len(found)).figures()


def measure(args: argparse.Namespace) -> Figures:
    """Draw five views, run every detector there is."""
    shots: list[Shot] = []
    for index, camera in enumerate(VIEWS):
        share = args.people if camera == "front" else max(1, args.people // 4)
        first = UNSEEN + index * args.people  # other people for every camera
        shots += gather(range(first, first + share), 1, SIZE, levels=(2, 3), view=camera, seed=index)
    frames = np.stack([shot.image for shot in shots])
    view = np.array([shot.spec.view for shot in shots])
    truth = np.stack([shot.landmarks for shot in shots])
    results = own_detector(frames)
    for python in args.python:
        results |= foreign_detectors(python, frames)
    front = np.flatnonzero(view == "front")
    errors = {
        tool: landmark_error([result["landmarks"][i] for i in front], truth[front])
        for tool, result in results.items()
        if "landmarks" in result
    }
    absent = [] if args.python else ["mediapipe and OpenCV detectors were not run: no --python was given"]
    return {
        "frames": {name: int((view == name).sum()) for name in VIEWS},
        "size": SIZE,
        "detection": rates(results, view),
        "summary": {tool: _summary(np.array(result["found"]), view) for tool, result in results.items()},
        "landmark_error_front_over_outer_eye_distance": errors,
        "not_run": absent,
    }


if __name__ == "__main__":
    main("world_faces", __doc__, measure, arguments)
