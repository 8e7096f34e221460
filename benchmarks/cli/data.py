"""``eap-bench data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from benchmarks.cli.common import PATH, json_option, print_json, split_names
from benchmarks.cli.data_prepare import prepare
from benchmarks.cli.data_verify import verify
from benchmarks.cli.ranges import count_or_numbers, parse_numbers
from eap.constants import EMOTIONS, VIEWS
from eap.errors import ConfigError

if TYPE_CHECKING:
    from eap.synth.clip import ClipSpec

FIRST_IDENTITY: Final = 2000
"""A count starts here: no bundled network was trained on people above."""
LAST_IDENTITY: Final = 99_999
FIRST_SENTENCE: Final = 200
"""Nor on sentences above."""
LAST_SENTENCE: Final = 999


@click.group()
def data() -> None:
    """Write the embedded world; check and prepare datasets.

    \b
    Example:
      eap-bench data synth --out world --identities 2000-2003
      eap-bench data prepare /data/MEAD --out /data/mead-256
    """


@data.command()
@click.option("--out", type=PATH, help="Folder for the world, in the MEAD layout.")
@click.option(
    "--sheet",
    is_flag=False,
    flag_value="",
    help="A page to look at the world, with PNG sheets, in this folder.  [without a value: OUT-gallery]",
)
@click.option("--identities", help="How many people, or their numbers, like 2000-2003,2010.  [default: 2; a page: 24]")
@click.option("--takes", type=click.IntRange(1, 100), default=1, show_default=True, help="Takes of each sentence.")
@click.option("--emotion", "emotions", multiple=True, help="Only these emotions (repeat, or commas).")
@click.option("--levels", default="1-3", show_default=True, help="Levels; neutral has level 1 only.")
@click.option("--view", "views", multiple=True, help="Cameras (repeat, or commas).  [default: front]")
@click.option("--sentences", default="1", show_default=True, help="How many sentences, or their numbers: 200-204.")
@click.option("--seconds", type=click.FloatRange(min=0.04), help="Cut clips to this.  [default: the whole sentence]")
@click.option("--size", type=click.IntRange(32, 512), default=128, show_default=True, help="Side of the frames; even.")
@click.option("--rate", type=click.Choice(["16000", "48000"]), default="16000", show_default=True, help="Sound, Hz.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Other seeds: other takes.")
@click.option("--twin/--no-twin", default=True, show_default=True, help="Also write every clip's neutral twin.")
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes that render.  [default: one per core]")
@click.option("--dry-run", is_flag=True, help="Only say what would be written, how large and how long.")
@json_option
def synth(
    out: Path | None,
    sheet: str | None,
    identities: str | None,
    takes: int,
    emotions: tuple[str, ...],
    levels: str,
    views: tuple[str, ...],
    sentences: str,
    seconds: float | None,
    size: int,
    rate: str,
    seed: int,
    twin: bool,
    workers: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write the embedded world, or a page to look at it.

    \b
    Example:
      eap-bench data synth --out world --identities 4 --takes 2 --size 128 --seed 1
      eap-bench data synth --out world --identities 2000-2003 --emotion angry,neutral --view front,left_30
      eap-bench data synth --sheet gallery
    """
    if out is None and sheet is None:
        raise ConfigError("nothing to write", fix="give --out for the world, --sheet for a page, or both")
    if size % 2:
        raise ConfigError(f"--size {size} is odd: H.264 frames have even sides", fix=f"use {size - 1} or {size + 1}")
    named = _named(emotions, EMOTIONS, "--emotion")
    wanted = _Wanted(_people(identities, 2), named, size, int(rate), seed, twin, workers)
    cameras = _named(views, VIEWS, "--view") if views else ("front",)
    result: dict[str, Any] = {}
    if out is not None:
        specs = _plan(wanted, levels, sentences, takes, cameras, seconds)
        result |= _write(out, specs, wanted, dry_run=dry_run, quiet=as_json)
    if sheet is not None and not dry_run:
        folder = Path(sheet) if sheet else Path("gallery" if out is None else f"{out}-gallery")
        result["sheets"] = _gallery(folder, _people(identities, 24), wanted, quiet=as_json)
    if as_json:
        print_json(result)


class _Wanted(NamedTuple):
    """What all clips of a world share."""

    people: list[int]
    emotions: tuple[str, ...]
    size: int
    rate: int
    seed: int
    twin: bool
    workers: int | None


def _people(text: str | None, default: int) -> list[int]:
    return count_or_numbers(text or str(default), "--identities", first=FIRST_IDENTITY, high=LAST_IDENTITY)


def _named(given: tuple[str, ...], known: tuple[str, ...], option: str) -> tuple[str, ...]:
    chosen = split_names(given) or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise ConfigError(f"{option}: unknown {', '.join(unknown)}", fix=f"choose from {', '.join(known)}")
    return chosen


def _plan(
    wanted: _Wanted, levels: str, sentences: str, takes: int, views: tuple[str, ...], seconds: float | None
) -> list[ClipSpec]:
    from eap.synth.dataset import plan_world

    return plan_world(
        wanted.people,
        emotions=wanted.emotions,
        levels=parse_numbers(levels, "--levels", low=1, high=3),
        sentences=count_or_numbers(sentences, "--sentences", first=FIRST_SENTENCE, high=LAST_SENTENCE),
        takes=takes,
        views=views,
        seconds=seconds,
        seed=wanted.seed,
    )


def _write(out: Path, specs: list[ClipSpec], wanted: _Wanted, *, dry_run: bool, quiet: bool) -> dict[str, Any]:
    """Claim the folder, say what it will cost, refuse what cannot fit, write."""
    from benchmarks.console import RunConsole
    from benchmarks.executors import default_workers, interrupt_here_only
    from eap.synth.cost import check_room, world_cost
    from eap.synth.dataset import write_world

    console, workers = RunConsole(quiet=quiet), wanted.workers or default_workers()
    if not dry_run:
        write_world(out, [], size=wanted.size, twin=wanted.twin, rate=wanted.rate)
    cost = world_cost(out, specs, size=wanted.size, twin=wanted.twin, workers=workers)
    console.note(f"{out}: {cost.summary(workers)}")
    result = {"out": str(out), "clips": cost.clips, "estimate": cost.figures()}
    if dry_run:
        return result | {"written": 0, "kept": cost.kept}
    check_room(out, cost)
    console.begin("world", cost.clips, cost.kept)
    try:
        with interrupt_here_only():
            report = write_world(
                out, specs, size=wanted.size, twin=wanted.twin, rate=wanted.rate, workers=workers,
                progress=console.progress,
            )  # fmt: skip
    finally:
        console.end()
    if not quiet:
        click.echo(f"{out}: {len(report.clips)} clips ({report.written} written, {report.kept} were there)")
    return result | {"written": report.written, "kept": report.kept}


def _gallery(folder: Path, people: list[int], wanted: _Wanted, *, quiet: bool) -> list[str]:
    from benchmarks.console import RunConsole
    from eap.synth.gallery import write_gallery

    console = RunConsole(quiet=quiet)
    console.note(f"{folder}: a page of {len(people)} people and PNG sheets, about a minute of one core")
    command = f"eap-bench data synth --sheet {folder} --size {wanted.size} --seed {wanted.seed}"
    files = write_gallery(
        folder, people, size=wanted.size, seed=wanted.seed, command=command,
        progress=lambda part: console.note(f"drawn next: {part}"),
    )  # fmt: skip
    if not quiet:
        click.echo(str(files[0]))
    return [str(path) for path in files]


data.add_command(verify)
data.add_command(prepare)
