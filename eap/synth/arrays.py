"""Training arrays from clip specifications: rendered in parallel, appended in order, resumable."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from eap.constants import EMOTIONS
from eap.data.arrays import ArraySet, ArrayWriter, ClipArrays
from eap.errors import DataError
from eap.synth.clip import ClipSpec, clip_id, identity_name, render_clip

Progress = Callable[[int, int], None]
"""Called with (clips done, clips in all) after every clip."""


def to_arrays(spec: ClipSpec, size: int, supersample: int = 2) -> ClipArrays:
    """Render one clip as training arrays. A wild clip has emotion -1 and its affect is unknown (NaN)."""
    from eap.acoustics import log_mel

    clip = render_clip(spec, size=size, supersample=supersample)
    if clip.frames is None:
        raise AssertionError("render_clip drew no frames")
    truth = clip.truth
    affect = np.stack([truth.alpha, truth.valence, truth.arousal], axis=1)
    return ClipArrays(
        id=clip_id(spec),
        identity=identity_name(spec.identity),
        emotion=-1 if spec.wild else EMOTIONS.index(spec.emotion),
        level=spec.level,
        sentence=f"{spec.sentence:03d}",
        view=spec.view,
        wild=spec.wild,
        frames=clip.frames,
        mel=log_mel(clip.audio, len(truth)),
        landmarks=truth.landmarks / size,
        affect=np.full_like(affect, np.nan) if spec.wild else affect,
        head=truth.head,
    )


def _job(order: tuple[ClipSpec, int, int]) -> ClipArrays:
    return to_arrays(*order)


@contextmanager
def worker_map(workers: int) -> Iterator[Callable[..., Iterator[ClipArrays]]]:
    """An ordered lazy map over ``workers`` processes; the plain `map` for one."""
    if workers <= 1:
        yield map
        return
    # fork shares the built templates and needs no __main__ guard in the caller; elsewhere the platform's own way
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    with context.Pool(workers) as pool:
        yield lambda job, orders: pool.imap(job, orders, chunksize=2)


def build_arrays(
    root: Path | str,
    specs: Sequence[ClipSpec],
    *,
    size: int = 96,
    workers: int = 2,
    supersample: int = 2,
    progress: Progress | None = None,
) -> ArraySet:
    """Render ``specs`` into a training cache at ``root`` and open it.

    Resumable: clips already there are kept, also after a kill. Sort specs by identity: faces are cached per worker.
    Raises DataError for two specs of one id, or a folder that holds something else.
    """
    ids = [clip_id(spec) for spec in specs]
    if len(set(ids)) != len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise DataError(f"clip {twice} is planned twice", fix="give repeated clips another take")
    with ArrayWriter(root, size) as writer:
        missing = [spec for name, spec in zip(ids, specs, strict=True) if name not in writer.done]
        finished = len(specs) - len(missing)
        with worker_map(workers) as parallel:
            for arrays in parallel(_job, [(spec, size, supersample) for spec in missing]):
                writer.add(arrays)
                finished += 1
                if progress is not None:
                    progress(finished, len(specs))
    return ArraySet.open(root)
