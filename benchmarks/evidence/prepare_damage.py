"""A fake MEAD damaged in 20 ways: each damaged file must be named by `data prepare`, the others' numbers must stay.

The world is rendered once; a copy of it is damaged; both are prepared by the command and scored by `eap-bench run
--data` with caches of their own. Compared are all values of all clips that the damage spared.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.common import Figures, main
from eap import media
from eap.constants import FPS, RATE
from eap.data.clip import Clip
from eap.files import write_json

SUITE: Final = """
name = "damage"
title = "Every clip of a small world"
summary = "For the evidence of preparation."
size = 96
seconds = 1.2
identities = {identities}
levels = [1, 2, 3]
methods = ["ground-truth", "still-image"]
tracks = ["neutral"]
"""
Damage = Callable[[Clip], Path]
"""Damages one clip in a way of its own; returns the file that must be named."""


def options(parser: argparse.ArgumentParser) -> None:
    """The world's size."""
    parser.add_argument("--identities", type=int, default=10, help="people of 22 clips each (default: 10)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, help="keep everything in this folder, and go on where it was left")


def sound_of(clip: Clip) -> Path:
    """The clip's sound file."""
    assert clip.audio is not None
    return clip.audio


def _rewrite(clip: Clip, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Path:
    """Change the picture; the sound file stays beside it."""
    video = media.read_video(clip.video)
    media.write_video(clip.video, change(video.frames), FPS)
    _drop_truth(clip)
    return clip.video


def _drop_truth(clip: Clip) -> None:
    if clip.truth is not None:
        clip.truth.unlink(missing_ok=True)


def _bytes(path: Path, change: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(change(path.read_bytes()))
    return path


def empty_video(clip: Clip) -> Path:
    """0 bytes."""
    return _bytes(clip.video, lambda _: b"")


def cut_video(clip: Clip) -> Path:
    """A download that stopped after 60 %."""
    return _bytes(clip.video, lambda data: data[: len(data) * 6 // 10])


def no_header(clip: Clip) -> Path:
    """The first 4 KiB are zeros."""
    return _bytes(clip.video, lambda data: bytes(4096) + data[4096:])


def web_page(clip: Clip) -> Path:
    """The server's error page under the video's name."""
    return _bytes(clip.video, lambda _: b"<html><body>403 quota exceeded</body></html>" * 20)


def lfs_pointer(clip: Clip) -> Path:
    """A Git LFS pointer."""
    return _bytes(clip.video, lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")


def hole(clip: Clip) -> Path:
    """Zeros over the middle half of the file."""
    return _bytes(clip.video, lambda d: d[: len(d) // 4] + bytes(len(d) // 2) + d[len(d) // 4 + len(d) // 2 :])


def empty_sound(clip: Clip) -> Path:
    """0 bytes of sound."""
    sound_of(clip).write_bytes(b"")
    return clip.video


def cut_sound(clip: Clip) -> Path:
    """A sound file that stops after 60 %."""
    _bytes(sound_of(clip), lambda data: data[: len(data) * 6 // 10])
    return clip.video


def no_sound(clip: Clip) -> Path:
    """No sound file, and a video without sound."""
    sound_of(clip).unlink()
    return _rewrite(clip, lambda frames: frames)


def short_sound(clip: Clip) -> Path:
    """A whole sound file that is 0.4 s long."""
    media.write_audio(sound_of(clip), media.read_audio(sound_of(clip))[: RATE * 4 // 10], RATE)
    return clip.video


def silence(clip: Clip) -> Path:
    """A whole sound file of zeros."""
    media.write_audio(sound_of(clip), np.zeros(len(media.read_audio(sound_of(clip))), np.float32), RATE)
    return clip.video


def black(clip: Clip) -> Path:
    """A black picture."""
    return _rewrite(clip, np.zeros_like)


def nobody(clip: Clip) -> Path:
    """A wall without a face: smooth noise that moves."""
    rng = np.random.default_rng(0)
    return _rewrite(clip, lambda frames: rng.integers(90, 160, frames.shape).astype(np.uint8))


def one_frame(clip: Clip) -> Path:
    """A video of three frames, and sound as short."""
    media.write_audio(sound_of(clip), media.read_audio(sound_of(clip))[: 3 * 640], RATE)
    return _rewrite(clip, lambda frames: frames[:3])


def frozen(clip: Clip) -> Path:
    """One image for the whole clip."""
    return _rewrite(clip, lambda frames: np.repeat(frames[:1], len(frames), axis=0))


def far_away(clip: Clip) -> Path:
    """A face of 24 pixels in a grey picture."""

    def shrink(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        small = np.full_like(np.repeat(np.repeat(frames, 2, axis=1), 2, axis=2), 120)
        side = frames.shape[1] // 3 // 2 * 2
        rows = np.arange(side) * frames.shape[1] // side
        small[:, 40 : 40 + side, 40 : 40 + side] = frames[:, rows][:, :, rows]
        return small

    return _rewrite(clip, shrink)


def leaves(clip: Clip) -> Path:
    """A face that is gone after the first half."""

    def go(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        left = frames.copy()
        left[len(frames) // 2 :] = 120
        return left

    return _rewrite(clip, go)


def link_to_itself(clip: Clip) -> Path:
    """A link in a circle."""
    clip.video.unlink()
    _drop_truth(clip)
    clip.video.symlink_to(clip.video.name)
    return clip.video


def odd_name(clip: Clip) -> Path:
    """A name with a space and a letter that is not ASCII, where numbers are wanted."""
    _drop_truth(clip)
    return clip.video.rename(clip.video.with_name("tôt ou tard.mp4"))


def unfinished(clip: Clip) -> Path:
    """A browser's unfinished download."""
    _drop_truth(clip)
    return clip.video.rename(clip.video.with_name(clip.video.name + ".crdownload"))


DAMAGES: Final[tuple[Damage, ...]] = (
    empty_video, cut_video, no_header, web_page, lfs_pointer, hole, empty_sound, cut_sound, no_sound, short_sound,
    silence, black, nobody, one_frame, frozen, far_away, leaves, link_to_itself, odd_name, unfinished,
)  # fmt: skip


def damage_world(world: Path) -> dict[str, tuple[str, str]]:
    """Damage 20 clips of a world, none of them neutral; clip id -> (way, path below the world that must be named)."""
    from eap.data.mead import read_mead

    clips = [clip for clip in read_mead(world, views=None).clips if clip.emotion != "neutral"]
    step = max(len(clips) // len(DAMAGES), 1)
    done = {}
    for clip, damage in zip(clips[::step], DAMAGES, strict=False):
        done[clip.id] = (damage.__name__, damage(clip).relative_to(world).as_posix())
    return done


def build_world(root: Path, identities: int, seconds: float = 1.2, workers: int = 2) -> None:
    """Render 22 clips of 96 x 96 pixels of each identity, with truth and without twins."""
    from eap.synth.dataset import plan_world, write_world

    specs = plan_world(range(2000, 2000 + identities), sentences=[200], seconds=seconds)
    write_world(root, specs, size=96, twin=False, workers=workers)


def prepare_world(world: Path, out: Path, workers: int) -> dict[str, Any]:
    """`eap-bench data prepare` on a folder in MEAD's layout, by the command's own code; its ``--json`` answer."""
    from click.testing import CliRunner

    from benchmarks.cli.data_prepare import prepare

    arguments = [str(world), "--out", str(out), "--size", "96", "--workers", str(workers), "--json"]
    answer = CliRunner().invoke(prepare, arguments, standalone_mode=False, catch_exceptions=False)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def score(prepared: Path, suite: Path, out: Path, workers: int) -> dict[str, float]:
    """`eap-bench run --data` with a cache of its own: method, track, clip and metric -> value."""
    from benchmarks.runner import RunSettings, run

    os.environ["EAP_CACHE"] = str(out.parent / f"cache-{out.name}")
    settings = RunSettings(suite=str(suite), data=prepared / "clips", out=out, workers=workers, report=False)
    outcome = run(settings)
    return {
        f"{record.method}|{record.track}|{record.clip}|{metric}": value.value
        for record in outcome.records
        for metric, value in record.values.items()
        if value.value is not None
    }


def measure(args: argparse.Namespace) -> Figures:
    """Render, damage, prepare both, score both, compare."""
    with tempfile.TemporaryDirectory() as name:
        folder: Path = args.work or Path(name)
        damaged = worlds(folder, args.identities, args.workers)
        suite = folder / "damage.toml"
        suite.write_text(SUITE.format(identities=args.identities))
        answers = {kind: prepare_world(folder / kind, folder / f"{kind}-out", args.workers) for kind in _KINDS}
        values = {kind: score(folder / f"{kind}-out", suite, folder / f"{kind}-run", args.workers) for kind in _KINDS}
    return compare(damaged, answers, values)


def worlds(folder: Path, identities: int, workers: int) -> dict[str, tuple[str, str]]:
    """The whole world and its damaged copy; what `damage_world` said."""
    told = folder / "damaged.json"
    if not told.exists():
        build_world(folder / "whole", identities, workers=workers)
        shutil.rmtree(folder / "damaged", ignore_errors=True)
        shutil.copytree(folder / "whole", folder / "damaged")
        write_json(told, damage_world(folder / "damaged"))
    found: dict[str, list[str]] = json.loads(told.read_text())
    return {clip: (way, path) for clip, (way, path) in found.items()}


_KINDS: Final = ("whole", "damaged")


def compare(
    damaged: dict[str, tuple[str, str]], answers: dict[str, dict[str, Any]], values: dict[str, dict[str, float]]
) -> Figures:
    """Which damaged files were named, and how the numbers of the others agree."""
    named = {item["path"]: item["reason"] for item in answers["damaged"]["unusable"]}
    spared = {key: value for key, value in values["whole"].items() if key.split("|")[2] not in damaged}
    both = spared.keys() & values["damaged"].keys()
    differences = [abs(spared[key] - values["damaged"][key]) for key in both]
    return {
        "clips": answers["whole"]["sources"],
        "prepared_whole": answers["whole"]["clips"],
        "unusable_whole": len(answers["whole"]["unusable"]),
        "prepared_damaged": answers["damaged"]["clips"],
        "ways": {way: {"named as": named.get(path, "NOT NAMED")} for way, path in damaged.values()},
        "damaged_files": len(damaged),
        "damaged_files_named": sum(path in named for _, path in damaged.values()),
        "named_beside": sorted(set(named) - {path for _, path in damaged.values()}),
        "scored_clips": len({key.split("|")[2] for key in values["damaged"]}),
        "values_compared": len(both),
        "values_only_in_one": len(spared.keys() ^ values["damaged"].keys()),
        "values_that_differ": sum(difference > 0 for difference in differences),
        "largest_difference": max(differences, default=0.0),
    }


if __name__ == "__main__":
    main("prepare_damage", __doc__, measure, options)
