"""The parts a run is put together from: world, models, measures, report. Tests put simpler ones in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from benchmarks.produce import Produced, Talker

if TYPE_CHECKING:
    from benchmarks.plan import Task
    from benchmarks.suites import Suite
    from benchmarks.world import Progress
    from eap.data.clip import Manifest
    from metrics.results import ClipValue, FrameSeries, ResultTable
    from metrics.rundir import ClipRecord


@dataclass(frozen=True)
class Measurement:
    """What was measured on one clip."""

    values: tuple[ClipValue, ...]
    judged_emotion: str | None = None
    features: str = ""
    """Cache key of the clip's features."""


@dataclass(frozen=True)
class MeasureSettings:
    """How a run measures."""

    protocol: str
    metrics: tuple[str, ...]
    world: Literal["embedded", "data"] = "embedded"
    """What the faces are; the bundled evaluators know only the embedded world."""
    truth: Literal["exact", "pseudo"] = "exact"
    """``pseudo``: labels of the evaluator on the reference clip stand in for the truth."""
    evaluators: str = "bundled"
    """One of `metrics.evaluators.SETS`."""
    sync_crop: str | None = None
    """One of `metrics.evaluators.crops.SYNC_CROPS`; None is the evaluators' and protocol's own."""
    forced: bool = False
    """Measure with evaluators that were not made for these faces."""
    seed: int = 0


class Parts(Protocol):
    """All that a run needs from outside. Instances are picklable: worker processes get a copy."""

    def weights(self, names: Sequence[str]) -> dict[str, str]:
        """SHA-256 of each named set of weights; ``WeightsError`` for one that is not there."""
        ...

    def evaluators(self, name: str, sync_crop: str | None, protocol: str) -> dict[str, str]:
        """SHA-256 of each evaluator's weights, of the set of that name."""
        ...

    def metric_names(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Checked names; all of them when none are wanted."""
        ...

    def world_ready(self, suite: Suite) -> bool:
        """Whether the suite's world need not be rendered first."""
        ...

    def world(self, suite: Suite, workers: int, progress: Progress) -> Manifest:
        """The suite's clips, rendered where needed."""
        ...

    def data(self, root: Path) -> Manifest:
        """The clips of a folder."""
        ...

    def model(self, name: str) -> Talker:
        """A model with these weights, ready to talk."""
        ...

    def measure(self, task: Task, produced: Produced, settings: MeasureSettings) -> Measurement:
        """Measure one clip."""
        ...

    def tabulate(
        self, tasks: Sequence[Task], records: Sequence[ClipRecord], root: Path, settings: MeasureSettings
    ) -> tuple[ResultTable, Sequence[FrameSeries]]:
        """Values of methods with intervals, and the series for the plots, from all records of a run."""
        ...

    def report(self, root: Path) -> Path:
        """Write the HTML report; returns its index."""
        ...
