"""A small training cache of random data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.data.arrays import ArraySet, ArrayWriter, ClipArrays


def write_random_set(root: Path, people: int = 6, length: int = 32, size: int = 32) -> ArraySet:
    """`people` identities from M1000 on, one clip of every emotion each."""
    rng = np.random.default_rng(0)
    with ArrayWriter(root, size) as writer:
        for person in range(1000, 1000 + people):
            for emotion in range(8):
                writer.add(
                    ClipArrays(
                        f"M{person}_front_{emotion}", f"M{person}", emotion, 1, "000", "front", False,
                        rng.integers(0, 256, (length, size, size, 3), np.uint8),
                        rng.normal(size=(4 * length, 80)),
                        rng.uniform(0.3, 0.7, (length, 68, 2)),
                        rng.uniform(-0.5, 0.5, (length, 3)),
                        np.zeros((length, 3)),
                    )
                )  # fmt: skip
    return ArraySet.open(root)


@pytest.fixture(scope="session")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> ArraySet:
    return write_random_set(tmp_path_factory.mktemp("cache") / "set")
