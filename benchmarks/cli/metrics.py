"""``eap-bench metrics``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from benchmarks.cli.common import json_option, print_json


@click.command()
@click.argument("name", required=False)
@json_option
def metrics(name: str | None, as_json: bool) -> None:
    """List the metrics, or show one: unit, direction, bounds, what it needs, what it equals.

    \b
    Example:
      eap-bench metrics
      eap-bench metrics psnr --json
    """
    from metrics.registry import all_metrics, get_metric

    specs = [item.spec for item in ((get_metric(name),) if name else all_metrics())]
    if as_json:
        records: list[dict[str, Any]] = [asdict(spec) for spec in specs]
        print_json(records[0] if name else records)
        return
    if name:
        for key, value in asdict(specs[0]).items():
            click.echo(f"{key:18} {value}")
        return
    from rich.console import Console
    from rich.table import Table

    from metrics.describe import best, bounds

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a pipe has room for everything
    table = Table("name", "title", "unit", "best", "bounds", "needs", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    wide = console.width >= 150
    if wide:
        table.add_column("equals")
    for spec in specs:
        star = "" if spec.default else "*"
        cells = [spec.name + star, spec.title, spec.unit, best(spec), bounds(spec), ", ".join(spec.needs)]
        table.add_row(*cells, *([spec.source] if wide else []))
    console.print(table)
    click.echo("* measured when it is asked for by name; 'eap-bench metrics NAME' shows all of one")
