"""``eap-bench data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli.common import PATH, json_option, note, print_json, split_names
from benchmarks.cli.ranges import parse_numbers
from eap.constants import EMOTIONS
from eap.errors import ConfigError

if TYPE_CHECKING:
    from eap.synth.clip import ClipSpec


@click.group()
def data() -> None:
    """Write the embedded world; check a dataset folder.

    \b
    Example:
      eap-bench data synth --out world --identities 2000-2003
    """


@data.command()
@click.option("--out", type=PATH, help="Folder for the world, in the MEAD layout.")
@click.option("--sheet", type=PATH, help="Folder for contact sheets (PNG) of the world's faces, voices and clips.")
@click.option("--identities", default="2000-2001", show_default=True, help="Identity numbers, like 0-3,2000.")
@click.option("--emotion", "emotions", multiple=True, help="Only these emotions (repeat, or commas).")
@click.option("--levels", default="1-3", show_default=True, help="Levels; neutral has level 1 only.")
@click.option("--sentences", default="200", show_default=True, help="Sentence numbers, like 200-204.")
@click.option("--seconds", type=float, help="Cut clips to this length.  [default: the whole sentence]")
@click.option("--size", type=click.IntRange(32, 512), default=128, show_default=True, help="Side of the frames.")
@click.option("--twin/--no-twin", default=True, show_default=True, help="Also write every clip's neutral twin.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes that render.  [default: one per core]")
@json_option
def synth(
    out: Path | None,
    sheet: Path | None,
    identities: str,
    emotions: tuple[str, ...],
    levels: str,
    sentences: str,
    seconds: float | None,
    size: int,
    twin: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Write the embedded world, or contact sheets of it.

    \b
    Example:
      eap-bench data synth --out world --identities 2000-2003 --emotion angry,neutral
      eap-bench data synth --sheet sheets
    """
    if out is None and sheet is None:
        raise ConfigError("nothing to write", fix="give --out for the world, --sheet for contact sheets, or both")
    specs = _plan(identities, emotions, levels, sentences, seconds)
    result: dict[str, Any] = {}
    if sheet is not None:
        from eap.synth.sheet import write_sheets

        made = write_sheets(sheet, None if as_json else lambda path: click.echo(str(path)))
        result["sheets"] = [str(path) for path in made]
    if out is not None:
        result |= _write(out, specs, size, twin, workers, quiet=as_json)
        if not as_json:
            click.echo(f"{out}: {result['clips']} clips ({result['written']} written, {result['kept']} were there)")
    if as_json:
        print_json(result)


def _plan(
    identities: str, emotions: tuple[str, ...], levels: str, sentences: str, seconds: float | None
) -> list[ClipSpec]:
    chosen = split_names(emotions) or EMOTIONS
    unknown = [emotion for emotion in chosen if emotion not in EMOTIONS]
    if unknown:
        raise ConfigError(f"--emotion: unknown {', '.join(unknown)}", fix=f"choose from {', '.join(EMOTIONS)}")
    people = parse_numbers(identities, "--identities", low=0, high=2999)
    strengths = parse_numbers(levels, "--levels", low=1, high=3)
    said = parse_numbers(sentences, "--sentences", low=0, high=299)
    from eap.synth.dataset import plan_world

    return plan_world(people, emotions=chosen, levels=strengths, sentences=said, seconds=seconds)


def _write(
    out: Path, specs: list[ClipSpec], size: int, twin: bool, workers: int | None, *, quiet: bool
) -> dict[str, Any]:
    from benchmarks.console import RunConsole
    from benchmarks.executors import default_workers
    from eap.synth.dataset import write_world

    console = RunConsole(quiet=quiet)
    console.begin("world", len(specs), 0)
    try:
        report = write_world(
            out, specs, size=size, twin=twin, workers=workers or default_workers(), progress=console.progress
        )
    finally:
        console.end()
    return {"out": str(out), "clips": len(report.clips), "written": report.written, "kept": report.kept}


@data.command()
@click.argument("folder", type=PATH)
@click.option("--layout", type=click.Choice(["mead", "folder"]), default="mead", show_default=True, help="How it lies.")
@click.option("--decode", is_flag=True, help="Also decode every video and its sound, which takes longer.")
@json_option
def verify(folder: Path, layout: str, decode: bool, as_json: bool) -> int:
    """Check a dataset folder: what is usable, and every file that is not, with the reason (then exit code 1).

    \b
    Example:
      eap-bench data verify /data/MEAD
    """
    from eap.data.folder import read_folder
    from eap.data.mead import read_mead

    manifest = read_mead(folder, views=None) if layout == "mead" else read_folder(folder)
    unusable = [{"path": str(item.path), "reason": item.reason} for item in manifest.rejected]
    if decode:
        unusable += _decode_all(manifest.clips)
    if as_json:
        people = len(manifest.identities)
        print_json({"folder": str(folder), "clips": len(manifest), "identities": people, "unusable": unusable})
    else:
        for item in unusable:
            note(f"{item['path']}: {item['reason']}")
        click.echo(
            f"{folder}: {len(manifest)} clips of {len(manifest.identities)} identities, {len(unusable)} unusable"
        )
    return 1 if unusable else 0


def _decode_all(clips: Any) -> list[dict[str, str]]:
    from eap import media
    from eap.errors import EapError

    failed = []
    for clip in clips:
        try:
            for _ in media.read_frames(clip.video):
                pass
            media.read_audio(clip.sound)
        except EapError as error:
            failed.append({"path": str(clip.video), "reason": error.message})
    return failed
