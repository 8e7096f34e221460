"""Training arrays from clip specifications: rendered in parallel, appended in order, resumable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eap.constants import EMOTIONS, MEL_PER_FRAME, N_MELS
from eap.data.arrays import ArraySet, ArrayWriter, ClipArrays
from eap.errors import DataError
from eap.synth.clip import ClipSpec, identity_name, render_clip, render_moments, spec_id
from eap.synth.workers import Progress, ordered_map


def to_arrays(spec: ClipSpec, size: int, supersample: int = 2) -> ClipArrays:
    """Render one clip as training arrays. A wild clip has emotion -1 and its affect is unknown (NaN)."""
    from eap.acoustics import log_mel

    clip = render_clip(spec, size=size, supersample=supersample)
    if clip.frames is None:
        raise AssertionError("render_clip drew no frames")
    truth = clip.truth
    affect = np.stack([truth.alpha, truth.valence, truth.arousal], axis=1)
    return ClipArrays(
        id=spec_id(spec),
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


def moments_to_arrays(spec: ClipSpec, count: int, size: int, supersample: int = 2) -> ClipArrays:
    """``count`` single frames of a clip as training arrays, for networks that read one frame; mel is zero."""
    seen = render_moments(spec, count, size=size, supersample=supersample)
    return ClipArrays(
        id=spec_id(spec),
        identity=identity_name(spec.identity),
        emotion=EMOTIONS.index(spec.emotion),
        level=spec.level,
        sentence=f"{spec.sentence:03d}",
        view=spec.view,
        wild=False,
        frames=seen.frames,
        mel=np.zeros((MEL_PER_FRAME * len(seen.at), N_MELS), np.float32),
        landmarks=seen.landmarks / size,
        affect=seen.affect,
        head=seen.head,
    )


def _job(order: tuple[ClipSpec, int, int, int | None]) -> ClipArrays:
    spec, size, supersample, moments = order
    return (
        to_arrays(spec, size, supersample) if moments is None else moments_to_arrays(spec, moments, size, supersample)
    )


def build_arrays(
    root: Path | str,
    specs: Sequence[ClipSpec],
    *,
    size: int = 96,
    workers: int = 2,
    supersample: int = 2,
    moments: int | None = None,
    progress: Progress | None = None,
) -> ArraySet:
    """Render ``specs`` into a training cache at ``root`` and open it; with ``moments`` so many single frames of each.

    Resumable: clips already there are kept, also after a kill. Sort specs by identity: faces are cached per worker.
    Raises DataError for two specs of one id, or a folder that holds something else.
    """
    ids = [spec_id(spec) for spec in specs]
    if len(set(ids)) != len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise DataError(f"clip {twice} is planned twice", fix="give repeated clips another take")
    with ArrayWriter(root, size) as writer:
        missing = [spec for name, spec in zip(ids, specs, strict=True) if name not in writer.done]
        finished = len(specs) - len(missing)
        orders = [(spec, size, supersample, moments) for spec in missing]
        for arrays in ordered_map(_job, orders, workers):
            writer.add(arrays)
            finished += 1
            if progress is not None:
                progress(finished, len(specs))
    return ArraySet.open(root)
