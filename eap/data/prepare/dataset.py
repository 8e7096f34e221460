"""A whole dataset prepared: in parallel, resumable, with a record of every file that was not used.

    out/preparation.json   how: settings, finder, reader of labels, its weights
    out/journal.jsonl      one line per source clip that is done
    out/clips/...          <path of the source>.mp4: crops at 25 fps with sound; + .truth.npz (embedded world alone)
    out/sound/...          .wav, 16 kHz mono, as long as the crops
    out/labels/...         .npz (eap.data.prepare.labels)
    out/manifest.parquet   the prepared clips (eap.data.clip.Manifest, root `clips`) and every rejected file
    out/result.json        counts, and every rejected file with its reason
    out/arrays/            what training reads (eap.data.arrays); out/shards/: the same, packed for large sets
    out/report/index.html  what was not used, with pictures

Paths below clips/ are those of the source, so that MEAD prepared is read as MEAD.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from eap.data.clip import Clip, Manifest, Rejected
from eap.data.prepare import plan
from eap.data.prepare.clip import Order, Prepared, prepare_clip
from eap.data.prepare.journal import Journal, read_record, state_of
from eap.data.prepare.plan import Settings, Tools, file_of
from eap.errors import DataError
from eap.files import write_json

MANIFEST, RESULT = "manifest.parquet", "result.json"
Item = TypeVar("Item")
Made = TypeVar("Made", covariant=True)
Progress = Callable[[int, int], None]


class Done(Protocol[Made]):
    """One item that an engine worked on; ``result`` is None where its process died, ``crash`` says how."""

    @property
    def item(self) -> Any:
        """What was worked on."""
        ...

    @property
    def result(self) -> Made | None:
        """What the function returned."""
        ...

    @property
    def crash(self) -> str:
        """Why there is no result."""
        ...


class Engine(Protocol):
    """Applies a function to items, perhaps in several processes; outcomes come as they finish."""

    def map(self, function: Callable[[Item], Made], items: Sequence[Item]) -> Iterable[Done[Made]]:
        """One outcome for every item. Errors that the function raises end the work."""
        ...


@dataclass(frozen=True)
class Preparation:
    """A finished preparation. ``manifest``: the prepared clips, and every file that was not used, with the reason.

    sources: what became of each source clip. rejected_paths: of those that were not used, clip id -> path below the
    dataset, POSIX. written: source clips done now; kept: done before.
    """

    out: Path
    manifest: Manifest
    sources: tuple[Prepared, ...]
    rejected_paths: Mapping[str, str]
    written: int
    kept: int

    @property
    def frames(self) -> int:
        """Of all prepared clips."""
        return sum(piece.frames for source in self.sources for piece in source.pieces)


def record_of(source: Path, layout: str, settings: Settings, tools: Tools) -> dict[str, Any]:
    """What decides how clips come out: written down, and compared when a folder is gone on with."""
    finder, labeller = tools.finder(), tools.labeller()
    return {
        "format": plan.FORMAT,
        "source": str(source.resolve()),
        "layout": layout,
        "settings": settings.to_json(),
        "finder": finder.name,
        "labels": labeller.name,
        "labels_embedded_only": labeller.embedded_only,
        "label_weights": labeller.weights(),
    }


def prepare(
    dataset: Manifest,
    out: Path,
    layout: str,
    settings: Settings,
    tools: Tools,
    engine: Engine,
    progress: Progress | None = None,
    begun: Callable[[int, int], None] | None = None,
) -> Preparation:
    """Prepare every clip of ``dataset`` into ``out``; what is there already is kept.

    The result is the same after any number of kills. ``begun`` is told (clips in all, clips kept) before the work,
    ``progress`` (done, all) after every clip. Raises DataError for a folder of something else, OutputError when the
    disk is full.
    """
    source = dataset.root.resolve()
    if out.resolve() == source or source.is_relative_to(out.resolve()) or out.resolve().is_relative_to(source):
        raise DataError(f"{out}: lies in the dataset, or around it", fix="choose a folder outside of it")
    usable, refused = _named_well(dataset)
    with Journal(out, record_of(source, layout, settings, tools)) as journal:
        _clear_leftovers(out)
        kept = {clip.id: before for clip in usable if (before := journal.kept(clip)) is not None}
        missing = [clip for clip in usable if clip.id not in kept]
        finished = len(kept)
        if begun is not None:
            begun(len(usable), finished)
        states = {clip.id: state_of(clip) for clip in missing}
        for clip in missing:
            _forget(out, journal, clip)
        orders = [Order(clip, dataset.root, out, settings, tools) for clip in missing]
        found = dict(kept)
        for done in engine.map(prepare_clip, orders):
            result = done.result or Prepared(done.item.clip.id, reason=done.crash)
            journal.add(states[result.clip], result)
            found[result.clip] = result
            finished += 1
            if progress is not None:
                progress(finished, len(usable))
    sources = tuple(found[clip.id] for clip in usable)
    return _finish(dataset, usable, refused, out, sources, len(kept))


def _named_well(dataset: Manifest) -> tuple[list[Clip], list[Rejected]]:
    """Clips whose names can be written down anywhere, by id, and the others."""
    good, bad = [], []
    for clip in sorted(dataset.clips, key=lambda clip: clip.id):
        try:
            str(clip.video).encode()
            good.append(clip)
        except UnicodeEncodeError:
            bad.append(Rejected(clip.video, "its name is not valid UTF-8: rename it"))
    return good, bad


def _clear_leftovers(out: Path) -> None:
    """Temporary files of a run that was killed (all writing goes through hidden names)."""
    for kind in (plan.CLIPS, plan.SOUND, plan.LABELS, plan.REPORT):
        for path in (out / kind).rglob(".*"):
            if path.is_file():
                path.unlink(missing_ok=True)


def _forget(out: Path, journal: Journal, clip: Clip) -> None:
    """Remove what an earlier preparation made of a clip whose source has changed since."""
    _, before = journal.done.get(clip.id, ("", None))
    for piece in before.pieces if before is not None else ():
        for kind, suffix in (
            (plan.CLIPS, ".mp4"), (plan.CLIPS, plan.TRUTH_SUFFIX), (plan.SOUND, ".wav"), (plan.LABELS, ".npz"),
        ):  # fmt: skip
            file_of(out, kind, piece.path, suffix).unlink(missing_ok=True)
        for made in (plan.ARRAYS, plan.SHARDS):  # they hold the old clip
            shutil.rmtree(out / made, ignore_errors=True)


def _finish(
    dataset: Manifest,
    clips: Sequence[Clip],
    refused: list[Rejected],
    out: Path,
    sources: tuple[Prepared, ...],
    kept: int,
) -> Preparation:
    root = Path(plan.CLIPS)
    made = [_as_clip(clip, piece, out) for clip, source in zip(clips, sources, strict=True) for piece in source.pieces]
    rejected = [*dataset.rejected, *refused]
    unused = [(clip, source.reason) for clip, source in zip(clips, sources, strict=True) if source.reason]
    rejected += [Rejected(clip.video, reason) for clip, reason in unused]
    rejected = [replace(item, path=_below(item.path, dataset.root)) for item in rejected]
    rejected.sort(key=lambda item: (str(item.path), item.reason))
    manifest = Manifest(root, tuple(sorted(made, key=lambda clip: clip.id)), tuple(rejected))
    manifest.to_parquet(out / MANIFEST)
    paths = {clip.id: _below(clip.video, dataset.root).as_posix() for clip, _ in unused}
    preparation = Preparation(out, manifest, sources, paths, len(clips) - kept, kept)
    write_json(out / RESULT, result_json(preparation))
    return preparation


def _as_clip(clip: Clip, piece: plan.Piece, out: Path) -> Clip:
    base = Path(plan.CLIPS)
    truth = piece.path + plan.TRUTH_SUFFIX
    return replace(
        clip,
        id=piece.id,
        sentence=piece.sentence,
        video=base / f"{piece.path}.mp4",
        audio=None,
        truth=base / truth if (out / plan.CLIPS / truth).is_file() else None,
        twin=None,
    )


def _below(path: Path, root: Path) -> Path:
    below = path.relative_to(root) if path.is_relative_to(root) else path
    return Path(str(below).encode("utf-8", "backslashreplace").decode())


def result_json(preparation: Preparation) -> dict[str, Any]:
    """Counts and rejected files; the same for the same dataset, however often the work was stopped."""
    sources = preparation.sources
    return {
        "format": plan.FORMAT,
        "sources": len(sources),
        "used": sum(bool(source.pieces) for source in sources),
        "clips": len(preparation.manifest),
        "identities": len(preparation.manifest.identities),
        "frames": preparation.frames,
        "looks": sum(source.looks for source in sources),
        "found": sum(source.found for source in sources),
        "several_faces": sorted(source.clip for source in sources if source.pieces and source.faces > 1),
        "rejected": [
            {"path": item.path.as_posix(), "reason": item.reason, "expected": item.expected}
            for item in preparation.manifest.rejected
        ],
    }


def open_prepared(out: str | Path) -> Manifest:
    """The clips of a prepared folder, wherever it lies now. Raises DataError where it holds none, or is unfinished."""
    out = Path(out)
    if not (out / MANIFEST).is_file():
        raise DataError(f"{out}: holds no finished preparation", fix="run its 'eap-bench data prepare' again")
    manifest = Manifest.from_parquet(out / MANIFEST, out / plan.CLIPS)
    source = Path(str(read_record(out)["source"]))
    rejected = (replace(item, path=source / item.path.relative_to(manifest.root)) for item in manifest.rejected)
    return replace(manifest, rejected=tuple(rejected))
