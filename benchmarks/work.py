"""What a worker does with one task: make the clip, measure it, and turn either's failure into a row with a reason."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.faults import DiskFull, is_disk_full, reason_of
from benchmarks.parts import MeasureSettings, Parts
from benchmarks.plan import Task
from benchmarks.produce import Places, produce
from benchmarks.suites import Suite
from eap.errors import WeightsError
from metrics.rundir import ClipRecord, RunFiles, journal_values


@dataclass(frozen=True)
class Work:
    """Callable and picklable: task -> records, one for each track of the task."""

    parts: Parts
    root: Path
    suite: Suite
    measuring: MeasureSettings

    def __call__(self, task: Task) -> list[ClipRecord]:
        """Make and measure. Only faults of the machine (full disk, damaged weights) are raised."""
        began = time.monotonic()
        try:
            return self._do(task, began)
        except WeightsError:
            raise
        except Exception as error:
            if is_disk_full(error):
                raise DiskFull(f"{self.root}: the disk is full", fix="free some space") from error
            seconds = round(time.monotonic() - began, 3)
            return records_of(task, status="failed", reason=reason_of(error), seconds=seconds)

    def _do(self, task: Task, began: float) -> list[ClipRecord]:
        files = RunFiles(self.root)
        produced = produce(task, Places(self.root, self.suite.size), self.parts.model)
        measured = self.parts.measure(task, produced, self.measuring)
        return records_of(
            task,
            status="ok",
            media=files.relative(produced.media),
            reference="" if produced.reference is None else files.relative(produced.reference),
            judged_emotion=measured.judged_emotion,
            values=journal_values(measured.values),
            features=measured.features,
            seconds=round(time.monotonic() - began, 3),
        )


def records_of(task: Task, *, status: Literal["ok", "failed"], reason: str = "", **fields: Any) -> list[ClipRecord]:
    """One record per track: a clip that does not depend on the reference image stands on every track."""
    clip = task.clip
    return [
        ClipRecord(
            method=task.method.name,
            track=track,
            clip=clip.id,
            identity=clip.identity,
            emotion=clip.emotion,
            level=clip.level,
            status=status,
            reason=reason,
            reference_emotion=None if task.reference is None else task.reference.emotion,
            **fields,
        )
        for track in task.tracks
    ]
