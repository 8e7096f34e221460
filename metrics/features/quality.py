"""pyiqa's number for every frame of a clip, in one streaming pass over both sides, kept in the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from eap.errors import ConfigError, MeasureError, MediaError
from eap.files import cache_dir
from metrics.features.clip import Array, paired_length
from metrics.features.extract import DAMAGED, digest, hash_media, store_arrays
from metrics.features.pair import frame_pairs
from metrics.protocols import Protocol
from metrics.registry import Unmeasurable

VERSION = "1"


def quality(
    generated: Path, reference: Path | None, names: Sequence[str], protocol: Protocol, *, cache: bool = True
) -> Mapping[str, Array | str]:
    """Metric name (`lpips`, `pyiqa:gmsd`) -> (T,) numbers, or the reason why there are none. Never raises for media."""
    return {name: _one(generated, reference, name, protocol, cache) for name in names}


def _one(generated: Path, reference: Path | None, name: str, protocol: Protocol, cache: bool) -> Array | str:
    from metrics.iqa import VERSION as PYIQA
    from metrics.iqa import load_quality, pyiqa_name

    try:
        judge = load_quality(pyiqa_name(name))
        other = reference if judge.with_reference else None
        if judge.with_reference and other is None:
            return "no reference clip"
        described = {
            "media": [hash_media(path) for path in (generated, other) if path is not None],
            "protocol": protocol.name, "name": judge.name, "pyiqa": PYIQA, "version": VERSION,
        }  # fmt: skip
        path = cache_dir() / "pairs" / digest(described)[:2] / f"{digest(described)}.npz"
        if cache and (found := _load(path)) is not None:
            return found
        values, n = [], [0, 0]
        for ours, theirs in frame_pairs(generated, other or generated, protocol):
            n[0], n[1] = n[0] + (ours is not None), n[1] + (theirs is not None)
            if ours is not None and theirs is not None:
                if ours.shape != theirs.shape:
                    return "frame size differs"
                values.append(judge.value(ours, theirs))
        paired_length(n[0], n[1], protocol.max_length_difference)
    except (ConfigError, MeasureError, MediaError) as error:
        return str(error)
    except Unmeasurable as error:
        return str(error)
    except (RuntimeError, AssertionError, ValueError) as error:  # pyiqa's own checks of picture size and the like
        return f"pyiqa: {' '.join(str(error).split())[:200]}"
    series = np.array(values, np.float64)
    if cache:
        store_arrays(path, {"values": series})
    return series


def _load(path: Path) -> Array | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return np.asarray(stored["values"], np.float64)
    except DAMAGED:
        return None
