"""``eap-bench score``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.common import PATH, json_option, note, print_json, split_names
from eap.errors import MediaError

if TYPE_CHECKING:
    from metrics.results import ResultTable


@click.command()
@click.option("--generated", type=PATH, required=True, help="A video, or a folder of them.")
@click.option("--reference", type=PATH, required=True, help="The video to compare with, or a folder of them.")
@click.option("--metrics", multiple=True, help="Only these (repeat, or commas); see 'eap-bench metrics'.")
@click.option("--force-bundled", is_flag=True, help="Use the bundled evaluators on faces they were not trained for.")
@json_option
def score(generated: Path, reference: Path, metrics: tuple[str, ...], force_bundled: bool, as_json: bool) -> int:
    """Measure generated videos against reference videos: files, or folders paired by file name.

    \b
    Example:
      eap-bench score --generated made.mp4 --reference real.mp4 --metrics psnr,ssim
      eap-bench score --generated results/ --reference truth/ --json
    """
    for path in (generated, reference):
        if not path.exists():
            raise MediaError(f"{path}: no such file or folder", fix="give a video file or a folder of videos")
    if generated.is_dir() != reference.is_dir():
        raise MediaError(
            f"{generated} and {reference}: one is a folder, the other a file", fix="give two files or two folders"
        )
    from metrics.score import score as measure

    table = measure(generated, reference, metrics=split_names(metrics) or None, force=force_bundled)
    if as_json:
        print_json(table.to_json())
    else:
        _show(table)
    return 0 if any(value.n_scored for value in table.values) else 3


def _show(table: ResultTable) -> None:
    for value in table.values:
        figure = f"{value.value:.6g}" if not math.isnan(value.value) else "no value"
        if math.isfinite(value.ci_low):
            figure += f" [{value.ci_low:.6g}, {value.ci_high:.6g}]"
        unit = f" {value.unit}" if value.unit else ""
        remark = f"  ({value.note})" if value.note else ""
        click.echo(f"{value.metric:18} {figure}{unit}  {value.n_scored}/{value.n_expected}  {value.signature}{remark}")
    for text in table.notes:
        note(text)
