from __future__ import annotations

import json
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from eap.data.arrays import ArraySet, ClipArrays
from eap.data.shards import ShardSet, plan_shards, write_index, write_shard
from eap.errors import DataError

SIZE = 32


def clip(name: str, n: int, seed: int) -> ClipArrays:
    rng = np.random.default_rng(seed)
    smooth = np.linspace(0, 200, SIZE)[None, :, None, None] + rng.integers(0, 50, (n, 1, 1, 3))
    return ClipArrays(
        name, "ana", 2, 3, "001", "front", False,
        np.broadcast_to(smooth, (n, SIZE, SIZE, 3)).astype(np.uint8),
        rng.normal(size=(4 * n, 80)), rng.uniform(size=(n, 68, 2)), rng.normal(size=(n, 3)), np.full((n, 3), np.nan),
    )  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, dict[str, ClipArrays]]:
    clips = {name: clip(name, n, n) for name, n in (("a/é", 3), ("b", 7), ("c", 1), ("d", 4), ("e", 2))}
    for shard in plan_shards(list(clips), 2):
        write_shard(tmp_path, shard, (clips[name] for name in shard.ids))
        assert shard.is_written(tmp_path)
    write_index(tmp_path, SIZE)
    return tmp_path, clips


def test_shards_are_read_like_arrays(made: tuple[Path, dict[str, ClipArrays]]) -> None:
    root, clips = made
    found = pickle.loads(pickle.dumps(ArraySet.open(root)))
    assert isinstance(found, ShardSet)
    assert (found.size, found.n_frames, len(found)) == (SIZE, 17, 5)
    assert [entry.start for entry in found] == [0, *np.cumsum([entry.length for entry in found])[:-1]]
    for entry in found:
        own = clips[entry.id]
        assert (entry.identity, entry.emotion, entry.level, entry.view, entry.wild) == ("ana", 2, 3, "front", False)
        assert np.abs(found.frames(entry, slice(None)).astype(int) - own.frames).max() <= 6
        assert found.frames(entry, 0).shape == (SIZE, SIZE, 3)
        assert np.array_equal(found.mel(entry, 0, entry.length), own.mel.astype(np.float16).astype(np.float32))
        truth = found.truth(entry, [entry.length - 1, 0])
        assert np.array_equal(truth.landmarks, own.landmarks[[entry.length - 1, 0]].astype(np.float32))
        assert np.array_equal(found.truth(entry).affect, own.affect.astype(np.float32))
        with pytest.raises(IndexError):
            found.frames(entry, [entry.length])
        with pytest.raises(IndexError):
            found.mel(entry, 0, entry.length + 1)


def test_the_convention_of_webdataset(made: tuple[Path, dict[str, ClipArrays]]) -> None:
    root, clips = made
    keys: list[str] = []
    for path in sorted(root.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, rest = member.name.partition(".")
                if rest == "json":
                    keys.append(key)
                    described = json.loads(tar.extractfile(member).read())  # type: ignore[union-attr]
                    assert described["length"] == len(clips[described["id"]].frames)
                assert key == keys[-1], "the files of a sample lie together"
    assert len(set(keys)) == 5


def test_the_same_bytes_and_a_mixture(made: tuple[Path, dict[str, ClipArrays]], tmp_path: Path) -> None:
    root, clips = made
    shard = plan_shards(list(clips), 2)[0]
    write_shard(tmp_path / "again", shard, (clips[name] for name in shard.ids))
    assert (tmp_path / "again" / shard.file).read_bytes() == (root / shard.file).read_bytes()
    assert shard.ids != ("a/é", "b"), "not by name"
    assert plan_shards(sorted(clips, reverse=True), 2) == plan_shards(list(clips), 2)


def test_damaged_shards_name_the_file(made: tuple[Path, dict[str, ClipArrays]]) -> None:
    root, _ = made
    data = (root / "000001.tar").read_bytes()
    (root / "000001.tar").write_bytes(b"x" * 600 + data[600:])
    with pytest.raises(DataError, match=r"000001\.tar: damaged shard"):
        write_index(root, SIZE)
    (root / "000001.tar").unlink()
    with pytest.raises(DataError, match=r"000001\.tar: missing"):
        ArraySet.open(root)
    (root / "places.npy").write_bytes(b"")
    (root / "000001.tar").write_bytes(data)
    with pytest.raises(DataError, match=r"places\.npy or pictures\.npy"):
        ArraySet.open(root)
