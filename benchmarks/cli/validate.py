"""``eap-bench validate``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli.common import PATH, json_option, note, print_json, split_names

if TYPE_CHECKING:
    from metrics.validity.results import Cell, Validity
    from metrics.validity.study import Progress


@click.command()
@click.option("--identities", type=click.IntRange(3, 500), default=8, show_default=True, help="People that are shown.")
@click.option("--clips", type=click.IntRange(1, 90), default=2, show_default=True, help="Clips of each of them.")
@click.option("--seconds", type=click.FloatRange(0.8, 20), default=1.6, show_default=True, help="Length of a clip.")
@click.option("--damages", multiple=True, help="Only these (repeat, or commas).  [default: all]")
@click.option("--metrics", multiple=True, help="Only these; see 'eap-bench metrics'.  [default: all that declare]")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes.  [default: one for each core]")
@click.option("--out", type=PATH, default=Path("validity"), show_default=True, help="Folder of the results.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another world of takes.")
@json_option
def validate(
    identities: int,
    clips: int,
    seconds: float,
    damages: tuple[str, ...],
    metrics: tuple[str, ...],
    workers: int | None,
    out: Path,
    seed: int,
    as_json: bool,
) -> int:
    """Validate the metrics: damage clips with known truth in grades, and see which metric sees what.

    Clips of the embedded world are damaged in six or more steps and measured. Every metric must follow the damages
    that its record declares; the page shows how little of each it sees, and what else moves it. Interrupted, the same
    command goes on.

    \b
    Example:
      eap-bench validate --out validity
      eap-bench validate --damages blur,av_shift --metrics psnr,lse_c --identities 3 --clips 1
    """
    from metrics.validity.damages import NAMES
    from metrics.validity.results import save_validity
    from metrics.validity.study import Plan, run

    plan = Plan(
        identities, clips, seconds, damages=split_names(damages) or NAMES, metrics=split_names(metrics), seed=seed
    )
    note(f"{identities * clips} clips of {seconds:g} s, {plan.versions} versions of each, drawn and measured")
    with worker_pool(workers) as mapper, _progress() as progress:
        found = run(plan, out / "trials", mapper=mapper, progress=progress)
    found = _signed(found)
    save_validity(out / "validity.json", found)
    page = _page(out)
    if as_json:
        print_json({**found.model_dump(mode="json"), "page": str(page)})
    else:
        _show(found, page)
    return 1 if found.failed else 0


@contextmanager
def worker_pool(workers: int | None) -> Iterator[Any]:
    """A mapper over processes; this process's own for one."""
    import multiprocessing

    from benchmarks.executors import default_workers

    count = workers or default_workers()
    if count == 1:
        yield map
        return
    # spawn, for torch and its threads do not survive a fork
    with multiprocessing.get_context("spawn").Pool(count) as pool:

        def over(job: Any, errands: Sequence[Any]) -> Iterator[str]:
            return iter(pool.imap_unordered(job, errands))

        yield over


@contextmanager
def _progress() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    current = TextColumn("{task.fields[clip]}")
    columns = (TextColumn("clips"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), current)
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("clips", total=None, clip="")
        yield lambda done, total, clip: bar.update(task, completed=done, total=total, clip=clip)


def _signed(found: Validity) -> Validity:
    from datetime import UTC, datetime

    from benchmarks.fingerprint import commit
    from benchmarks.spoken import command_line

    return found.model_copy(
        update={
            "commit": commit() or "",
            "command": command_line(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


def _page(out: Path) -> Path:
    from reports.validity import build_validity

    return build_validity(out)


def _show(found: Validity, page: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    titles = {damage.name: f"{damage.title} ({damage.unit})" for damage in found.damages}
    table = Table("metric", "declared damage", "tau", "smallest seen", "verdict", box=None, header_style="bold")
    for cell in sorted(found.declared, key=lambda cell: (cell.metric, cell.damage)):
        table.add_row(cell.metric, titles[cell.damage], f"{cell.tau:.2f}", _seen(cell), _verdict(cell))
    Console().print(table)
    for line in found.untested:
        note(f"not tried: {line}")
    kept, total = len(found.declared) - len(found.failed), len(found.declared)
    click.echo(f"{kept} of {total} declared damages are followed step by step (tau >= .9) and seen")
    click.echo(f"page: {page}")


def _seen(cell: Cell) -> str:
    return "none" if cell.seen is None else f"{cell.seen:g}"


def _verdict(cell: Cell) -> str:
    if cell.holds:
        return "holds"
    return "not monotone" if cell.seen is not None else "not seen"
