"""``eap-bench data verify``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli.common import PATH, json_option, print_json

if TYPE_CHECKING:
    from eap.data.clip import Clip, Manifest, Rejected

LAYOUTS = ("mead", "crema-d", "ravdess", "hdtf", "voxceleb2", "csv", "folder")


@click.command()
@click.argument("folder", type=PATH)
@click.option("--layout", type=click.Choice(LAYOUTS), default="mead", show_default=True, help="How it lies.")
@click.option("--decode", is_flag=True, help="Also decode every video and its sound, which takes longer.")
@click.option(
    "--split", "rule", help="Also count train and test: eat, edtalk, mead-readme, or a file that lists the test."
)
@json_option
def verify(folder: Path, layout: str, decode: bool, rule: str | None, as_json: bool) -> int:
    """Check a dataset folder: what is usable, and every file that is not used, with the reason.

    Exit code 1 where a file is unusable; files that the layout's own rules leave out (such as CREMA-D's four bad clips)
    are listed too and do not count as unusable.

    \b
    Example:
      eap-bench data verify /data/MEAD
      eap-bench data verify /data/CREMA-D --layout crema-d --json
      eap-bench data verify /data/MEAD --split eat
    """
    from eap.data.splits import split

    manifest = reader(layout)(folder)
    rows: list[Rejected] = list(manifest.rejected)
    if decode:
        rows += _decode_all(manifest.clips)
    found: dict[str, Any] = {
        "folder": str(folder),
        "layout": layout,
        "clips": len(manifest),
        "identities": len(manifest.identities),
        "emotions": dict(sorted(Counter(clip.emotion or "unknown" for clip in manifest.clips).items())),
        "unusable": [_row(item) for item in rows if not item.expected],
        "left_out": [_row(item) for item in rows if item.expected],
    } | _layout_facts(manifest, layout)
    if rule is not None:
        parts = split(manifest, rule)
        found["split"] = {
            "rule": parts.rule, "train": len(parts.train), "test": len(parts.test), "neither": len(parts.neither),
            "absent": list(parts.absent),
        }  # fmt: skip
    if as_json:
        print_json(found)
    else:
        _show(found)
    return 1 if found["unusable"] else 0


def reader(layout: str) -> Callable[[Path], Manifest]:
    """The reader of a layout, which takes the folder."""
    if layout == "mead":
        from eap.data.mead import read_mead

        return lambda folder: read_mead(folder, views=None)
    if layout == "crema-d":
        from eap.data.crema_d import read_crema_d

        return read_crema_d
    if layout == "ravdess":
        from eap.data.ravdess import read_ravdess

        return read_ravdess
    if layout == "hdtf":
        from eap.data.hdtf import read_hdtf

        return read_hdtf
    if layout == "voxceleb2":
        from eap.data.voxceleb2 import read_voxceleb2

        return read_voxceleb2
    if layout == "csv":
        from eap.data.csv_folder import read_csv_folder

        return read_csv_folder
    from eap.data.folder import read_folder

    return read_folder


def _layout_facts(manifest: Manifest, layout: str) -> dict[str, Any]:
    """What one layout has beside clips: MEAD's missing views and emotions, CREMA-D's votes."""
    if layout == "mead":
        from eap.data.mead import gaps

        missing = [
            {"identity": gap.identity, "views": list(gap.views), "emotions": list(gap.emotions)}
            for gap in gaps(manifest)
        ]
        return {"missing": missing}
    if layout == "crema-d":
        from eap.data.crema_d import read_crema_votes, votes_file

        table = votes_file(manifest.root)
        votes = {} if table is None else read_crema_votes(table)
        return {"with_human_votes": sum(clip.id in votes for clip in manifest.clips)}
    return {}


def _row(item: Rejected) -> dict[str, str]:
    # A name that is not valid UTF-8 is shown with its bytes escaped: it could not be printed otherwise.
    path = os.fsencode(item.path).decode("utf-8", "backslashreplace")
    return {"path": path, "reason": item.reason}


def _show(found: dict[str, Any]) -> None:
    """The table of files that are not used, then one line for each count."""
    show_table("not usable", found["unusable"])
    show_table("left out by the layout's own rules", found["left_out"])
    if missing := found.get("missing"):
        click.echo("has no usable clip of:")
        for gap in missing:
            kinds = [", ".join(gap[kind]) for kind in ("views", "emotions") if gap[kind]]
            click.echo(f"  {gap['identity']}: {'; '.join(kinds)}")
    if "with_human_votes" in found:
        click.echo(f"{found['with_human_votes']} of {found['clips']} clips have votes of people")
    if parts := found.get("split"):
        click.echo(f"split {parts['rule']}: {parts['train']} train, {parts['test']} test, {parts['neither']} neither")
        for line in parts["absent"]:
            click.echo(f"  listed, and not among the clips: {line}")
    words = f"{found['clips']} clips of {found['identities']} identities, {len(found['unusable'])} unusable"
    left_out = f", {len(found['left_out'])} left out by rule" if found["left_out"] else ""
    click.echo(f"{found['folder']}: {words}{left_out}")


def show_table(title: str, rows: Sequence[dict[str, str]]) -> None:
    """Aligned columns, one file a line whatever the terminal's width, so that it can be searched and cut."""
    if not rows:
        return
    width = min(max(len(row["path"]) for row in rows), 80)
    click.echo(f"{title} ({len(rows)}):")
    for row in rows:
        click.echo(f"  {row['path']:<{width}}  {row['reason']}")


def _decode_all(clips: Sequence[Clip]) -> list[Rejected]:
    from eap import media
    from eap.data.clip import Rejected
    from eap.errors import EapError

    failed = []
    for clip in clips:
        try:
            for _ in media.read_frames(clip.video):
                pass
            media.read_audio(clip.sound)
        except EapError as error:
            failed.append(Rejected(clip.video, error.message))
    return failed
