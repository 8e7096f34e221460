"""``eap-bench score``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from benchmarks.cli.common import PATH, json_option, judging_options, note, print_json, split_names
from eap.errors import MeasureError, MediaError

if TYPE_CHECKING:
    from metrics.results import ResultTable


@click.command()
@click.option("--generated", type=PATH, required=True, help="A video, or a folder of them.")
@click.option("--reference", type=PATH, required=True, help="The video to compare with, or a folder of them.")
@click.option("--metrics", multiple=True, help="Only these (repeat, or commas); see 'eap-bench metrics'.")
@judging_options
@click.option("--force-bundled", is_flag=True, help="Use the bundled evaluators on faces they were not trained for.")
@click.option(
    "--ceiling", is_flag=True, help="Add the references themselves, encoded once more: the best there can be."
)
@click.option("--votes", type=PATH, help="CSV of people's votes of intensity (CREMA-D's summaryTable.csv).")
@json_option
def score(
    generated: Path,
    reference: Path,
    metrics: tuple[str, ...],
    protocol: str | None,
    evaluators: Literal["bundled", "official", "mediapipe"],
    sync_crop: str | None,
    force_bundled: bool,
    ceiling: bool,
    votes: Path | None,
    as_json: bool,
) -> None:
    """Measure generated videos against reference videos: files, or folders paired by file name.

    \b
    Example:
      eap-bench score --generated made.mp4 --reference real.mp4 --metrics psnr,ssim
      eap-bench score --generated results/ --reference truth/ --json
      eap-bench score --generated results/ --reference truth/ --evaluators official --metrics lse_c,fid
    """
    for path in (generated, reference):
        if not path.exists():
            raise MediaError(f"{path}: no such file or folder", fix="give a video file or a folder of videos")
    if generated.is_dir() != reference.is_dir():
        raise MediaError(
            f"{generated} and {reference}: one is a folder, the other a file", fix="give two files or two folders"
        )
    import metrics as measures

    if generated.is_file():
        _playable(generated, reference)
    table = measures.score(
        generated,
        reference,
        metrics=split_names(metrics) or None,
        protocol=protocol or "strict",
        evaluators=evaluators,
        sync_crop=sync_crop,
        force=force_bundled,
        ceiling=ceiling,
        votes=votes,
    )
    if not any(value.n_scored for value in table.values):
        reasons = sorted((item.reason for item in table.clip_values if item.reason), key=_is_refusal)
        reason = reasons[0] if reasons else "nothing could be measured"
        fix = "see 'eap-bench metrics' for what each metric needs"
        raise MeasureError(f"{generated} against {reference}: {reason}", fix=fix)
    if as_json:
        print_json(table.to_json())
    else:
        _show(table)


def _is_refusal(reason: str) -> bool:
    return reason.startswith("refused")


def _playable(*paths: Path) -> None:
    """Two single files: what is no video is an error at once, not a row without numbers."""
    from eap import media

    for path in paths:
        if not media.probe(path).has_video:
            raise MediaError(f"{path}: has no video stream", fix="give a video file")


def _show(table: ResultTable) -> None:
    unmeasured = [value for value in table.values if not value.n_scored]
    several = len({value.method for value in table.values}) > 1
    for value in table.values:
        if not value.n_scored:
            continue
        figure = f"{value.value:.6g}" if not math.isnan(value.value) else "no value"
        if math.isfinite(value.ci_low):
            figure += f" [{value.ci_low:.6g}, {value.ci_high:.6g}]"
        unit = f" {value.unit}" if value.unit else ""
        remark = f"  ({value.note})" if value.note else ""
        row = f"{value.method:14} " if several else ""
        click.echo(
            f"{row}{value.metric:18} {figure}{unit}  {value.n_scored}/{value.n_expected}  {value.signature}{remark}"
        )
    reasons: dict[str, list[str]] = {}
    for value in unmeasured:
        reasons.setdefault(value.note or "no clip could be scored", []).append(value.metric)
    for reason, names in reasons.items():
        note(f"not measured: {', '.join(names)}: {reason}")
    for text in table.notes:
        note(text)
