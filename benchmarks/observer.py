"""What a run tells whoever watches it; the base class says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.plan import Task
    from benchmarks.suites import Suite

# Seconds of one core of an everyday machine per second of video at 96 pixels; only for the estimate announced first.
_MAKE = 0.33
_MEASURE = 0.08
_RENDER = 0.5
_START = 10.0


@dataclass(frozen=True)
class Cost:
    """What a run is about to do."""

    clips: int
    methods: int
    tasks: int
    done: int
    talking: int
    """Clips that a model makes, of all tasks."""
    render: int
    """Clips of the embedded world that may have to be rendered first."""
    workers: int
    seconds_per_clip: float

    @property
    def seconds(self) -> float:
        """A rough estimate of the time that remains."""
        left = 1 - self.done / max(self.tasks, 1)
        work = left * (self.talking * _MAKE + self.tasks * _MEASURE) + self.render * _RENDER
        return _START + self.seconds_per_clip * work / self.workers


class Observer:
    """Progress of a run. Override what is of interest."""

    def note(self, text: str) -> None:
        """A remark between two stages."""

    def announce(self, suite: Suite, root: Path, cost: Cost) -> None:
        """The plan and its cost, before any of it is spent."""

    def begin(self, what: str, total: int, done: int) -> None:
        """A stage of ``total`` steps begins, ``done`` of them are there already."""

    def advance(self, task: Task) -> None:
        """One clip is made, measured and journalled."""

    def progress(self, done: int, total: int) -> None:
        """The state of a stage that counts by itself."""

    def end(self) -> None:
        """The stage is over (or there was none)."""
