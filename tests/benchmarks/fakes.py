"""Simple stand-ins for the parts of a run: a world of coloured squares, a model that repeats its image."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.parts import Measurement, MeasureSettings
from benchmarks.plan import Task
from benchmarks.produce import Produced
from benchmarks.suites import Cell, Suite
from benchmarks.world import Progress
from eap import media
from eap.data.clip import Clip, Manifest, clip_id
from metrics.aggregate import aggregate
from metrics.registry import SignatureContext, get_metric
from metrics.results import ClipValue, FrameSeries, ResultTable
from metrics.rundir import ClipRecord

METRICS = ("emotion_accuracy", "psnr")

MICRO = """
name = "micro"
title = "Micro"
summary = "For tests."
size = 32
seconds = 0.4
identities = 2
emotions = ["angry", "happy", "neutral"]
methods = ["ground-truth", "eap", "still-image", "mismatched-audio"]
"""


class RepeatingModel:
    """Repeats the image, one frame for every 640 samples, a little brighter each time."""

    def generate(self, image: Any, audio: Any) -> Any:
        steps = np.arange(len(audio) // 640)[:, None, None, None]
        frames = np.clip(image[None].astype(int) + steps, 0, 255).astype(np.uint8)
        return SimpleNamespace(frames=frames, fps=25.0, audio=audio, rate=16000)

    def neutralize(self, image: Any) -> Any:
        return image


@dataclass(frozen=True)
class FakeParts:
    """Parts that need no weights. ``log`` gets one line per measured clip; the other fields make things go wrong."""

    root: Path
    fail_clip: str = ""
    """Clips whose id holds this make the model fail."""
    die_clip: str = ""
    """Clips whose id holds this kill the process that works on them."""
    interrupt_after: int = -1
    """Ctrl-C arrives when this many clips were measured."""
    full_after: int = -1
    """The disk is full when this many clips were measured."""
    pause: float = 0.0
    bare: bool = False
    """Whether the ``data`` folder has no truth."""

    @property
    def log(self) -> Path:
        return self.root / "measured.log"

    def measured(self) -> list[str]:
        return self.log.read_text().split() if self.log.is_file() else []

    def weights(self, names: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(names, "0" * 64)

    def evaluators(self, name: str, sync_crop: str | None, protocol: str) -> dict[str, str]:
        return {"judge": "1" * 64}

    def metric_names(self, wanted: Sequence[str]) -> tuple[str, ...]:
        return tuple(get_metric(name).spec.name for name in wanted) or METRICS

    def world_ready(self, suite: Suite) -> bool:
        return (self.root / "world").is_dir()

    def world(self, suite: Suite, workers: int, progress: Progress) -> Manifest:
        cells = [*suite.cells(), *suite.reference_cells()]
        clips = tuple(self._clip(cell, suite) for cell in cells)
        progress(len(cells), len(cells))
        return Manifest(self.root / "world", clips)

    def data(self, root: Path) -> Manifest:
        from eap.data.mead import read_mead

        return read_mead(root)

    def model(self, name: str) -> RepeatingModel:
        return RepeatingModel()

    def measure(self, task: Task, produced: Produced, settings: MeasureSettings) -> Measurement:
        time.sleep(self.pause)
        if self.die_clip and self.die_clip in task.clip.id:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fail_clip and self.fail_clip in task.clip.id and task.method.kind == "model":
            raise ValueError("the model\ncould not")
        count = len(self.measured())
        if count == self.interrupt_after:
            raise KeyboardInterrupt
        if count == self.full_after:
            raise OSError(28, "No space left on device")
        with open(self.log, "a") as stream:
            stream.write(f"{task.method.name}/{task.tracks[0]}/{task.clip.id}\n")
        return Measurement(tuple(self._value(name, task, produced) for name in settings.metrics), "angry", "key")

    def tabulate(
        self, tasks: Sequence[Task], records: Sequence[ClipRecord], root: Path, settings: MeasureSettings
    ) -> tuple[ResultTable, Sequence[FrameSeries]]:
        values = [value for record in records for value in record.clip_values()]
        readings = [record.reading() for record in records]
        table = aggregate(values, readings, _CONTEXT, metrics=list(settings.metrics), resamples=200)
        return table, [FrameSeries("eap", "neutral", records[0].clip, "intensity", (0.1, 0.2))]

    def report(self, root: Path) -> Path:
        index = root / "report" / "index.html"
        index.parent.mkdir(exist_ok=True)
        index.write_text("<p>report</p>")
        return index

    def _value(self, name: str, task: Task, produced: Produced) -> ClipValue:
        frames = np.concatenate(list(media.read_frames(produced.media)))
        number = float(frames.mean()) + len(name)
        spec = get_metric(name).spec
        if spec.pooling == "proportion":
            number = float(round(number) % 2)
        clip = task.clip
        return ClipValue(
            name, _CONTEXT.sign(spec), task.method.name, task.tracks[0], clip.id, clip.identity, clip.emotion,
            clip.level, number,
        )  # fmt: skip

    def _clip(self, cell: Cell, suite: Suite) -> Clip:
        identity, sentence = f"M{cell.identity}", str(cell.sentence)
        name = clip_id(identity, "front", cell.emotion, cell.level, sentence)
        path = self.root / "world" / f"{name}.mp4"
        if not path.is_file():
            shade = (cell.identity * 31 + cell.level * 40 + cell.sentence) % 200
            frames = np.full((10, suite.size, suite.size, 3), shade, np.uint8)
            tone = np.sin(np.arange(6400) * cell.sentence / 1000).astype(np.float32) * 0.3
            media.write_video(path, frames, 25.0, tone, 16000)
        return Clip(name, identity, cell.emotion, cell.level, "front", sentence, path)


_CONTEXT = SignatureContext("strict", "frame")


def micro_suite(folder: Path) -> str:
    """Path of the suite that the tests run: 2 identities x 3 emotions, 10 frames of 32 pixels."""
    path = folder / "micro.toml"
    path.write_text(MICRO)
    return str(path)
