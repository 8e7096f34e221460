"""From a prepared folder to what training reads: one array set, or shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eap import media
from eap.acoustics import log_mel
from eap.constants import EMOTIONS
from eap.data.arrays import ArraySet, ArrayWriter, ClipArrays
from eap.data.clip import Clip, Manifest
from eap.data.prepare import plan
from eap.data.prepare.dataset import Engine, Progress
from eap.data.prepare.journal import read_record
from eap.data.prepare.labels import load_labels
from eap.data.shards import ShardPlan, plan_shards, write_index, write_shard
from eap.errors import DataError


@dataclass(frozen=True)
class _PackOrder:
    number: int
    clip: Clip
    out: Path
    size: int


def clip_arrays(out: Path, clip: Clip, size: int) -> ClipArrays:
    """One prepared clip as training reads it.

    affect: alpha is unknown (nan), valence and arousal are the pseudo labels. head: unknown (nan). emotion -1, level 0
    and wild where the dataset has no label. Frames whose landmarks were not read take those of the nearest frame that
    has them. Raises DataError naming the file that is missing or does not fit.
    """
    path = clip.video.relative_to(out / plan.CLIPS).with_suffix("").as_posix()
    frames = np.concatenate(list(media.read_frames(clip.video, fps=None)))
    labels = load_labels(plan.file_of(out, plan.LABELS, path, ".npz"))
    sound = media.read_audio(plan.file_of(out, plan.SOUND, path, ".wav"))
    count = len(frames)
    if len(labels.landmarks) != count or frames.shape[1:] != (size, size, 3):
        raise DataError(
            f"{clip.video}: {frames.shape} does not fit its labels of {len(labels.landmarks)} frames",
            fix="delete it and prepare the dataset again",
        )
    if not labels.seen.any():
        raise DataError(f"{clip.video}: no landmarks in any frame", fix="prepare with other labels")
    nearest = _nearest(labels.seen)
    unknown = np.full((count, 1), np.nan, np.float32)
    return ClipArrays(
        id=clip.id,
        identity=clip.identity,
        emotion=-1 if clip.emotion is None else EMOTIONS.index(clip.emotion),
        level=clip.level or 0,
        sentence=clip.sentence,
        view=clip.view,
        wild=clip.emotion is None,
        frames=frames,
        mel=log_mel(sound, count),
        landmarks=labels.landmarks[nearest],
        affect=np.concatenate([unknown, labels.affect], axis=1),
        head=np.full((count, 3), np.nan, np.float32),
    )


def _nearest(seen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """For every frame the index of the nearest one that was seen."""
    known = np.flatnonzero(seen)
    frames = np.arange(len(seen))
    return np.asarray(known[np.abs(frames[:, None] - known[None]).argmin(axis=1)], np.intp)


def _pack(order: _PackOrder) -> tuple[int, ClipArrays]:
    return order.number, clip_arrays(order.out, order.clip, order.size)


def pack_arrays(out: Path, manifest: Manifest, engine: Engine, progress: Progress | None = None) -> ArraySet:
    """Write `out/arrays` in the order of the manifest's ids and open it; resumable, the same after any kill.

    ``manifest`` is that of `open_prepared`. Raises DataError on damaged prepared files or a full disk.
    """
    size = int(read_record(out)["settings"]["size"])
    root = out / plan.ARRAYS
    with ArrayWriter(root, size) as writer:
        missing = [clip for clip in manifest.clips if clip.id not in writer.done]
        orders = [_PackOrder(number, clip, out, size) for number, clip in enumerate(missing)]
        finished = len(manifest) - len(missing)
        for arrays in _in_order(engine, orders):
            writer.add(arrays)
            finished += 1
            if progress is not None:
                progress(finished, len(manifest))
    return ArraySet.open(root)


def _in_order(engine: Engine, orders: Sequence[_PackOrder]) -> Iterator[ClipArrays]:
    """Outcomes in the order of the orders; few wait at a time, for engines hold few items."""
    waiting: dict[int, ClipArrays] = {}
    due = 0
    for done in engine.map(_pack, orders):
        if done.result is None:
            raise DataError(f"{done.item.clip.video}: {done.crash}", fix="run again with fewer workers")
        number, arrays = done.result
        waiting[number] = arrays
        while due in waiting:
            yield waiting.pop(due)
            due += 1


@dataclass(frozen=True)
class _ShardOrder:
    shard: ShardPlan
    clips: tuple[Clip, ...]
    out: Path
    size: int


def _write_shard(order: _ShardOrder) -> int:
    clips = (clip_arrays(order.out, clip, order.size) for clip in order.clips)
    return write_shard(order.out / plan.SHARDS, order.shard, clips)


def pack_shards(
    out: Path,
    manifest: Manifest,
    per_shard: int,
    engine: Engine,
    progress: Progress | None = None,
    opened: Callable[[Path], ArraySet] = ArraySet.open,
) -> ArraySet:
    """Write `out/shards`, WebDataset tar files of ``per_shard`` clips, and open them as training does.

    Whole shards or nothing; those that are there are kept. The same bytes after any kill.
    """
    size = int(read_record(out)["settings"]["size"])
    root = out / plan.SHARDS
    root.mkdir(parents=True, exist_ok=True)
    shards = plan_shards([clip.id for clip in manifest.clips], per_shard)
    by_id = {clip.id: clip for clip in manifest.clips}
    orders = [
        _ShardOrder(shard, tuple(by_id[name] for name in shard.ids), out, size)
        for shard in shards
        if not shard.is_written(root)
    ]
    finished = len(manifest) - sum(len(order.clips) for order in orders)
    for done in engine.map(_write_shard, orders):
        if done.result is None:
            raise DataError(f"{root / done.item.shard.file}: {done.crash}", fix="run again with fewer workers")
        finished += done.result
        if progress is not None:
            progress(finished, len(manifest))
    write_index(root, size)
    return opened(root)
