"""``eap-bench table``: a leaderboard over runs, which refuses to put unlike numbers into one column."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.cli.common import PATH, json_option, print_json, split_names


@click.command()
@click.argument("runs", type=PATH, nargs=-1, required=True)
@click.option(
    "--metric", multiple=True, help="Metrics to show, in this order.  [default: the paper's that were measured]"
)
@click.option("--track", help="Reference track.  [default: the first of the runs]")
@click.option("--sort", help="Metric to sort by, best first.  [default: none]")
@click.option(
    "--format", "kind", type=click.Choice(["text", "csv", "latex", "markdown"]), default="text", show_default=True,
    help="How to print it.",
)  # fmt: skip
@click.option("--reported", is_flag=True, help="Also published numbers, in a table of their own, with their sources.")
@json_option
def table(
    runs: tuple[Path, ...],
    metric: tuple[str, ...],
    track: str | None,
    sort: str | None,
    kind: str,
    reported: bool,
    as_json: bool,
) -> None:
    """Print one table of the methods of runs.

    Refused when a metric was measured in different ways: unlike signatures are never put into one column.

    \b
    Example:
      eap-bench table runs/mead-1a2b3c4d runs/mead-5e6f7a8b --metric psnr,lse_d --sort lse_d
    """
    from benchmarks.reported import reported_json, reported_text
    from reports.leaderboard import leaderboard

    if reported and kind in ("csv", "latex") and not as_json:
        raise click.UsageError("reported numbers stand in a table of their own: use text, markdown or --json")
    board = leaderboard(runs, split_names(metric), track, sort)
    names, titles = zip(*((c.key, c.title) for c in board.table.columns), strict=True)
    if as_json:
        print_json(board.to_json() | ({"reported": reported_json(names)} if reported else {}))
        return
    click.echo(board.text(kind), nl=False)
    if reported:
        click.echo("\n" + reported_text(names, titles, kind), nl=False)
