"""``eap-bench data prepare``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from benchmarks.cli.common import PATH, json_option, print_json, split_names
from benchmarks.cli.data_verify import LAYOUTS, reader
from eap.errors import ConfigError, DataError

if TYPE_CHECKING:
    from benchmarks.console import RunConsole
    from eap.data.clip import Manifest
    from eap.data.prepare.dataset import Preparation
    from eap.data.prepare.plan import Settings, Tools

PER_SHARD: Final = 100
_PROBED: Final = 25
_FRAMES_PER_SECOND: Final = 40.0
"""Of one worker: a first guess, which the progress bar corrects."""


@click.command()
@click.argument("folder", type=PATH)
@click.option("--out", type=PATH, required=True, help="Folder for what is made; not inside the dataset.")
@click.option("--layout", type=click.Choice(LAYOUTS), default="mead", show_default=True, help="How the dataset lies.")
@click.option("--view", "views", multiple=True, help="Only these cameras (repeat, or commas).  [default: all]")
@click.option("--size", type=click.IntRange(32, 1024), default=256, show_default=True, help="Side of the crops; even.")
@click.option(
    "--crop",
    type=click.Choice(["fixed", "aligned"]),
    default="fixed",
    show_default=True,
    help="One upright square a clip, or one that also turns the face upright.",
)
@click.option(
    "--finder",
    type=click.Choice(["cascade", "s3fd", "facemesh"]),
    default="cascade",
    show_default=True,
    help="Who finds faces: cascade needs no download, the others an extra.",
)
@click.option(
    "--labels",
    type=click.Choice(["teacher", "official", "mediapipe"]),
    default="teacher",
    show_default=True,
    help="Who reads landmarks, valence, arousal, emotion. The bundled teacher knows only the embedded world.",
)
@click.option("--every", type=click.IntRange(1, 12), default=5, show_default=True, help="Look in every such frame.")
@click.option("--seconds", type=click.FloatRange(1, 60), default=10.0, show_default=True, help="Longer clips are cut.")
@click.option("--arrays/--no-arrays", default=True, show_default=True, help="Also make what training reads.")
@click.option(
    "--shards",
    type=click.IntRange(1, 100_000),
    is_flag=False,
    flag_value=PER_SHARD,
    help=f"Make WebDataset shards of so many clips instead of arrays, for large sets.  [without a value: {PER_SHARD}]",
)
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes side by side.  [default: one per core]")
@click.option("--dry-run", is_flag=True, help="Only say how much there is to do.")
@json_option
def prepare(
    folder: Path,
    out: Path,
    layout: str,
    views: tuple[str, ...],
    size: int,
    crop: str,
    finder: str,
    labels: str,
    every: int,
    seconds: float,
    arrays: bool,
    shards: int | None,
    workers: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Prepare a dataset of raw videos: find and follow faces, crop, 25 fps, 16 kHz, pseudo labels beside.

    A preparation that was stopped, by Ctrl-C or worse, goes on when the same command is given again. What cannot be
    used is named with its reason and shown in OUT/report/index.html. Leaves with 1 where a file could not be used.

    \b
    Example:
      eap-bench data prepare /data/MEAD --view front --out /data/mead-256
      eap-bench data prepare /data/VoxCeleb2 --layout voxceleb2 --out /data/vox-256 --shards --labels mediapipe
    """
    from benchmarks.console import RunConsole
    from benchmarks.executors import default_workers, interrupt_here_only, make_executor
    from benchmarks.preparing import tools_of
    from eap.data.prepare.plan import Settings

    console, count = RunConsole(quiet=as_json), workers or default_workers()
    settings = Settings(size=size, crop="aligned" if crop == "aligned" else "fixed", every=every, seconds=seconds)
    tools = tools_of(finder, labels)
    manifest = _only(reader(layout)(folder), split_names(views))
    estimate = _estimate(manifest, settings, count, packed=arrays and shards is None)
    console.note(_cost(folder, manifest, estimate, count))
    if dry_run:
        if as_json:
            print_json({"folder": str(folder), "sources": len(manifest), "estimate": estimate})
        return 0
    _check_room(out, estimate)
    with interrupt_here_only():
        done = _prepare(manifest, out, layout, settings, tools, console, make_executor("local", count))
        made = _pack(done, arrays, shards, console, make_executor("local", count))
        page = _report(done)
    result = _result(done, page, made)
    if as_json:
        print_json(result)
    else:
        _show(done, result)
    return 1 if result["unusable"] else 0


def _only(manifest: Manifest, views: tuple[str, ...]) -> Manifest:
    """The clips of these cameras. Raises ConfigError for one that no clip has."""
    there = {clip.view for clip in manifest.clips}
    if unknown := [view for view in views if view not in there]:
        raise ConfigError(f"--view {', '.join(unknown)}: no clip has it", fix=f"choose from {', '.join(sorted(there))}")
    return manifest.filter(views=views) if views else manifest


def _estimate(manifest: Manifest, settings: Settings, workers: int, *, packed: bool) -> dict[str, float]:
    """Seconds of video, of work, and bytes to write, from the lengths of a few clips."""
    from eap import media
    from eap.constants import FPS
    from eap.errors import MediaError

    step = max(len(manifest) // _PROBED, 1)
    lengths = []
    for clip in manifest.clips[::step]:
        try:
            lengths.append(media.probe(clip.video).duration)
        except MediaError:
            lengths.append(0.0)
    seconds = sum(lengths) / len(lengths) * len(manifest)
    per_frame = settings.size**2 * (3.3 if packed else 0.5)
    return {
        "video_seconds": round(seconds, 1),
        "work_seconds": round(seconds * FPS / _FRAMES_PER_SECOND / workers, 1),
        "bytes": round(seconds * FPS * per_frame),
    }


def _cost(folder: Path, manifest: Manifest, estimate: dict[str, float], workers: int) -> str:
    hours, work = estimate["video_seconds"] / 3600, estimate["work_seconds"] / 60
    return (
        f"{folder}: {len(manifest)} clips, about {hours:.2f} h of video: "
        f"about {work:.0f} min with {workers} worker(s), "
        f"{estimate['bytes'] / 2**30:.2f} GiB to write"
    )


def _check_room(out: Path, estimate: dict[str, float]) -> None:
    parent = out.absolute()
    while not parent.exists():
        parent = parent.parent
    free = shutil.disk_usage(parent).free
    if estimate["bytes"] > free and not (out / "journal.jsonl").exists():
        raise DataError(
            f"{out}: about {estimate['bytes'] / 2**30:.1f} GiB are needed and {free / 2**30:.1f} GiB are free",
            fix="choose another disk, a smaller --size, --shards or --no-arrays",
        )


def _prepare(
    manifest: Manifest, out: Path, layout: str, settings: Settings, tools: Tools, console: RunConsole, engine: Any
) -> Preparation:
    from eap.data.prepare.dataset import prepare as prepare_all

    def begun(total: int, kept: int) -> None:
        if kept:
            console.note(f"{kept} of {total} clips are there already and are not done again")
        console.begin("faces", total, kept)

    try:
        return prepare_all(manifest, out, layout, settings, tools, engine, console.progress, begun)
    finally:
        console.end()


def _pack(done: Preparation, arrays: bool, shards: int | None, console: RunConsole, engine: Any) -> str:
    """Make what training reads; returns its folder, '' for none."""
    from eap.data.prepare.dataset import open_prepared
    from eap.data.prepare.pack import pack_arrays, pack_shards

    if not done.manifest.clips or not (arrays or shards):
        return ""
    manifest = open_prepared(done.out)
    console.begin("arrays" if shards is None else "shards", len(manifest), 0)
    try:
        if shards is None:
            return str(pack_arrays(done.out, manifest, engine, console.progress).root)
        return str(pack_shards(done.out, manifest, shards, engine, console.progress).root)
    finally:
        console.end()


def _report(done: Preparation) -> Path:
    from eap.data.prepare.journal import read_record
    from eap.data.prepare.report import write_report

    return write_report(done, read_record(done.out))


def _result(done: Preparation, page: Path, made: str) -> dict[str, Any]:
    from eap.data.prepare.dataset import result_json

    found = result_json(done)
    rejected = found.pop("rejected")
    return {
        "out": str(done.out),
        "written": done.written,
        "kept": done.kept,
        **found,
        "unusable": [{"path": item["path"], "reason": item["reason"]} for item in rejected if not item["expected"]],
        "left_out": [{"path": item["path"], "reason": item["reason"]} for item in rejected if item["expected"]],
        "training": made or None,
        "report": str(page),
    }


def _show(done: Preparation, result: dict[str, Any]) -> None:
    from benchmarks.cli.data_verify import show_table

    show_table("not usable", result["unusable"])
    words = f"{result['clips']} clips ({result['frames']} frames) of {result['identities']} identities"
    click.echo(f"{done.out}: {words} from {result['used']} of {result['sources']} source clips")
    if result["training"]:
        click.echo(f"for training: {result['training']}")
    click.echo(f"report: {result['report']}")
