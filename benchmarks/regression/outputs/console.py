"""The verdict on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.regression.outputs import words
from benchmarks.regression.verdict import Comparison, State, Verdict

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {
    State.REGRESSED: "bold red",
    State.NOT_COMPARABLE: "bold magenta",
    State.MISSING: "bold magenta",
    State.INCONCLUSIVE: "yellow",
    State.IMPROVED: "green",
    State.UNCHANGED: "dim",
}
_WIDTH = 170


def show(verdict: Verdict, *, everything: bool = False) -> None:
    """Print the verdict: line, table of what is not unchanged (or of ``everything``), remarks, the line again."""
    from rich.console import Console

    out = Console()
    if not out.is_terminal:
        out = Console(width=_WIDTH)
    for line in words.sides(verdict):
        _say(out, line)
    for problem in verdict.problems:
        _say(out, f"{problem.state}: {problem.what}", _STYLES[problem.state])
        _say(out, f"  {problem.fix}")
    items = words.ordered(verdict.comparisons)
    shown = [item for item in items if everything or (item.gated and item.state is not State.UNCHANGED)]
    if shown:
        _table(out, shown)
        _say(out, words.LEGEND.format(level=100 * verdict.confidence))
    for item in shown:
        if remark := words.remark(item):
            _say(out, f"  {item.where}: {remark}")
    for note in words.footnotes(verdict):
        _say(out, f"note: {note}")
    if verdict.comparisons:
        _say(out, words.counts(verdict))
    outcome = verdict.outcome
    _say(out, outcome.line, _STYLES[outcome.state] if not outcome.passed else "bold green")


def _table(out: Console, shown: list[Comparison]) -> None:
    from rich.table import Table

    table = Table(show_edge=False, pad_edge=False)
    for name in ("state", "metric", "row/track"):
        table.add_column(name, no_wrap=True)
    for name in ("baseline", "run", "worse", "floor", "clips", "p paired", "p unpaired"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in shown:
        table.add_row(
            f"[{_STYLES[item.state]}]{words.standing(item)}[/]", item.metric, f"{item.method}/{item.track}",
            words.number(item.baseline), words.number(item.run), words.change(item).replace("[", r"\["),
            words.number(item.floor), f"{item.n_pairs}/{item.n_pairs + item.n_lost}",
            words.probability(item.p_paired), words.probability(item.p_unpaired),
        )  # fmt: skip
    out.print(table)


def _say(out: Console, text: str, style: str = "") -> None:
    out.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
