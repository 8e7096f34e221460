"""The watcher of a run on a terminal: the cost first, progress bars with the time left, then the table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.observer import Cost, Observer

if TYPE_CHECKING:
    from benchmarks.plan import Task
    from benchmarks.runner import RunOutcome
    from benchmarks.suites import Suite

_LOG_EVERY = 20.0
"""Seconds between lines of progress where there is no terminal to draw a bar on."""

_WIDTH = 150

_LEGEND = "95 % intervals by bootstrap over identities; below each figure: clips scored/expected."


class RunConsole(Observer):
    """Writes progress to standard error and results to standard output."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._label = ""
        self._done = self._total = self._at_start = 0
        self._began = self._last = 0.0

    def note(self, text: str) -> None:
        """Print a remark."""
        if not self._quiet:
            self._console.print(text, highlight=False, soft_wrap=True)

    def announce(self, suite: Suite, root: Path, cost: Cost) -> None:
        """Print the plan and its cost."""
        self.note(f"{suite.title}")
        self.note(
            f"{cost.clips} clips, {cost.methods} methods, {len(suite.tracks)} reference track(s): "
            f"{cost.tasks} clips to make and measure, about {_span(cost.seconds)} with {cost.workers} worker(s)"
        )
        if cost.done:
            self.note(f"{cost.done} of them are there already and are not done again")
        if cost.render:
            self.note(f"the embedded world is rendered first: {cost.render} clips of {cost.seconds_per_clip:g} s")
        self.note(f"run directory: {root}")

    def begin(self, what: str, total: int, done: int) -> None:
        """Start a bar, or lines where there is no terminal."""
        self._label, self._total, self._done, self._at_start = what, total, done, done
        self._began = self._last = time.monotonic()
        if self._quiet or not self._console.is_terminal:
            return
        self._bar = Progress(
            TextColumn("{task.description:6}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("left"), TimeRemainingColumn(), console=self._console,
        )  # fmt: skip
        self._bar.add_task(what, total=total, completed=done)
        self._bar.start()

    def advance(self, task: Task) -> None:
        """One more clip."""
        self.progress(self._done + 1, self._total)

    def progress(self, done: int, total: int) -> None:
        """Move the bar, or print a line now and then."""
        self._done, self._total = done, total
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)
            return
        now = time.monotonic()
        if not self._quiet and now - self._last >= _LOG_EVERY and done > self._at_start:
            self._last = now
            left = (now - self._began) / (done - self._at_start) * (total - done)
            self.note(f"{self._label}: {done}/{total}, {_span(left)} left")

    def end(self) -> None:
        """Stop the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def show(self, outcome: RunOutcome) -> None:
        """Print the tables, what failed and where everything lies."""
        from benchmarks.tables import paper_tables

        out = Console()
        if not out.is_terminal:
            out = Console(width=_WIDTH)
        for table in paper_tables(outcome.info, outcome.table):
            out.print(table)
        out.print(_LEGEND, soft_wrap=True)
        _show_failures(out, outcome)
        if outcome.from_cache:
            out.print("served from the run directory: nothing was measured again", soft_wrap=True)
        out.print(f"run: {outcome.root} ({outcome.seconds:.1f} s)", soft_wrap=True, highlight=False)
        if outcome.report is not None:
            out.print(f"report: {outcome.report}", soft_wrap=True, highlight=False)


def _show_failures(out: Console, outcome: RunOutcome) -> None:
    if not outcome.failed:
        return
    reasons: dict[str, int] = {}
    for record in outcome.failed:
        reasons[record.reason] = reasons.get(record.reason, 0) + 1
    out.print(f"{len(outcome.failed)} of {len(outcome.records)} clips failed; each is a row in the report:")
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1])[:5]:
        out.print(f"  {count} x {reason}", soft_wrap=True, highlight=False, markup=False)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
