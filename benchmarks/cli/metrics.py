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

    table = Table("name", "title", "unit", "best", "needs", box=None, header_style="bold")
    for spec in specs:
        best = {True: "high", False: "low", None: "" if spec.target is None else f"{spec.target:g}"}
        table.add_row(spec.name, spec.title, spec.unit, best[spec.higher_is_better], ", ".join(spec.needs))
    Console().print(table)
