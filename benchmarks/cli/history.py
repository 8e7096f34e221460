"""``eap-bench history``."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.cli.common import PATH, json_option, note, print_json, split_names


@click.command()
@click.option("--runs", type=PATH, default=Path("runs"), show_default=True, help="Folder of runs and baseline files.")
@click.option("--suite", help="The suite.  [default: the one with most runs]")
@click.option("--method", "methods", multiple=True, help="Only these rows (repeat, or commas).")
@click.option(
    "--out", type=PATH, default=Path("history"), show_default=True, help="Folder of index.html, history.json."
)
@json_option
def history(runs: Path, suite: str | None, methods: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Plot every metric over the runs of a folder.

    Marks the commits between which a metric moved by more than its floors, and prints the git bisect that finds the
    one.

    \b
    Example:
      eap-bench history --runs runs --suite smoke --out history
    """
    from benchmarks.history import load_history
    from benchmarks.history_page import write_page
    from benchmarks.regression.config import load_config
    from benchmarks.regression.outputs.words import number

    found = load_history(runs, load_config(), suite=suite, methods=split_names(methods))
    page = write_page(found, out)
    if as_json:
        print_json(found.to_json())
        return
    for line in found.skipped:
        note(f"left out: {line}")
    click.echo(f"{len(found.runs)} runs of suite {found.suite}, {len(found.tracks)} series")
    for move in found.moves:
        first, second = (found.runs[index].commit[:12] or "unknown" for index in (move.first, move.second))
        where = f"{move.metric} of {move.method}/{move.track}"
        click.echo(
            f"{move.state}{' (drift)' if move.drift else ''}: {where}, {first} -> {second}, {number(move.worse)}"
        )
        for command in move.bisect:
            click.echo(f"  {command}")
    if not found.moves:
        click.echo("nothing moved by more than its floors")
    click.echo(f"page: {page}")
