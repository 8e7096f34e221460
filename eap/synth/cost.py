"""What writing a world will cost: clips, frames, bytes and seconds, told before it is written."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eap.constants import FPS
from eap.errors import DataError
from eap.synth.affect import AFFECTS, LEVEL_PEAKS
from eap.synth.clip import ClipSpec, face_of
from eap.synth.dataset import clip_files, write_world
from eap.synth.face import build_face
from eap.synth.sentences import sentence

_PROBE_FRAMES = 20
_PROBE_FRAMES_LARGE = 8  # above 256 px a frame takes long
_MEAN_ALPHA = 0.6  # of a clip's peak: half of all clips lie between .5 and .7


@dataclass(frozen=True)
class WorldCost:
    """Clips planned and already there, frames still to draw (twins included), estimated bytes and seconds."""

    clips: int
    kept: int
    frames: int
    bytes: int
    seconds: float

    def summary(self, workers: int) -> str:
        """One line for people."""
        if self.kept == self.clips:
            return f"all {self.clips} clips are there already"
        there = f" ({self.kept} of {self.clips} clips are there already)" if self.kept else ""
        return (
            f"{self.clips - self.kept} clips, {self.frames} frames to draw, about {_size(self.bytes)} "
            f"and {_span(self.seconds)} with {workers} worker(s){there}"
        )

    def figures(self) -> dict[str, float]:
        """As JSON."""
        return {"frames": self.frames, "bytes": self.bytes, "seconds": round(self.seconds, 1)}


def _size(count: int) -> str:
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def clip_frames(spec: ClipSpec) -> int:
    """About how many frames a clip will have: its sentence at the emotion's mean rate, or its cut."""
    rate = AFFECTS[spec.emotion].voice.rate
    alpha = 0.0 if spec.emotion == "neutral" else _MEAN_ALPHA * LEVEL_PEAKS[spec.level - 1]
    seconds = sentence(spec.sentence).seconds / (1 + alpha * (rate - 1))
    return max(1, round((seconds if spec.seconds is None else min(seconds, spec.seconds)) * FPS))


def world_cost(
    root: Path | str, specs: Sequence[ClipSpec], *, size: int = 128, twin: bool = True, workers: int = 1
) -> WorldCost:
    """Estimate by writing a second of one clip of the plan into a temporary folder (about a second of work).

    Counts only what is not at ``root`` yet. The time holds while nothing else runs on the machine; bytes are within a
    third, because still faces compress better than lively ones.
    """
    missing = [spec for spec in specs if not clip_files(Path(root), spec, twin).video.exists()]
    if not missing:
        return WorldCost(len(specs), len(specs), 0, 0, 0.0)
    pictures = sum(clip_frames(spec) for spec in missing) * (2 if twin else 1)
    face_of(missing[0].identity)  # what all people share is built with the first
    began = time.monotonic()
    build_face(missing[0].identity + 1)
    face_seconds = time.monotonic() - began
    shown = min(clip_frames(missing[0]), _PROBE_FRAMES if size <= 256 else _PROBE_FRAMES_LARGE)
    short = replace(missing[0], seconds=shown / FPS)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        write_world(Path(folder) / "probe", [short], size=size, twin=twin)
        drawn = shown * (2 if twin else 1)
        frame_seconds = (time.monotonic() - began) / drawn
        written = sum(path.stat().st_size for path in Path(folder).rglob("*.*") if path.is_file())
    people = len({spec.identity for spec in missing})
    seconds = (pictures * frame_seconds + people * face_seconds) / min(workers, len(missing))
    return WorldCost(len(specs), len(specs) - len(missing), pictures, round(pictures * written / drawn), seconds)


def check_room(root: Path | str, cost: WorldCost) -> None:
    """Raise DataError when the disk below ``root`` has less room than the estimate and a fifth more."""
    place = Path(root).absolute()
    while not place.exists():
        place = place.parent
    free, needed = shutil.disk_usage(place).free, round(1.2 * cost.bytes)
    if free < needed:
        raise DataError(
            f"{root}: about {_size(needed)} are needed, {_size(free)} are free",
            fix="free disk space, or ask for fewer clips or a smaller --size",
        )
