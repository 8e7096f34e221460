"""The embedded world as a dataset on disk, in the MEAD layout, so that the real path is the tested path.

    <ID>/video/<view>/<emotion>/level_<k>/<nnn>.mp4 (+ <nnn>.truth.npz, <nnn>.twin.mp4)
    <ID>/audio/<emotion>/level_<k>/<nnn>.m4a

A clip exists when its .mp4 does: it is written last. A second run keeps what is there and removes leftovers of a kill.
"""

from __future__ import annotations

import errno
import fcntl
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eap.constants import EMOTIONS, FPS, LEVELS, RATE
from eap.data.clip import Clip
from eap.data.truth import save_truth
from eap.errors import DataError
from eap.files import write_json
from eap.synth.clip import ClipSpec, check_size, identity_name, render_clip, sentence_name, spec_id
from eap.synth.workers import Progress, ordered_map

MARKER = "eap-world.json"
_LOCK = ".eap-world.lock"
_FORMAT = 1


@dataclass(frozen=True)
class WorldReport:
    """What `write_world` did: all planned clips as they lie on disk, how many were written and were there before."""

    root: Path
    clips: tuple[Clip, ...]
    written: int
    kept: int
    seconds: float


def plan_world(
    identities: Sequence[int],
    *,
    emotions: Sequence[str] = EMOTIONS,
    levels: Sequence[int] = LEVELS,
    sentences: Sequence[int] = range(200),
    per_cell: int | None = None,
    takes: int = 1,
    neutral_takes: int | None = None,
    views: Sequence[str] = ("front",),
    seconds: float | None = None,
    wild: bool = False,
    seed: int = 0,
) -> list[ClipSpec]:
    """Every identity says the same sentences in every emotion at every level; ordered by identity.

    ``per_cell`` draws that many sentences per identity (other ones for other identities), the same for all emotions
    and levels, so that same-sentence pairs exist. Neutral has one level; ``neutral_takes`` (default ``takes``) may give
    it more clips. Raises DataError when a value is out of range.
    """
    asked = {"identities": identities, "emotions": emotions, "levels": levels, "sentences": sentences, "views": views}
    empty = [name for name, values in asked.items() if len(values) == 0]
    if empty or takes < 1 or (neutral_takes is not None and neutral_takes < 0):
        what = f"no {' and no '.join(empty)}" if empty else "fewer than one take"
        raise DataError(f"a world with {what}", fix="ask for at least one of each")
    if per_cell is not None and not 0 < per_cell <= len(sentences):
        raise DataError(f"per_cell {per_cell} with {len(sentences)} sentences", fix="ask for at most all sentences")
    plan = []
    for identity in identities:
        said = list(sentences)
        if per_cell is not None:
            rng = np.random.default_rng([identity, seed, 4242])
            said = sorted(int(number) for number in rng.choice(np.array(said), per_cell, replace=False))
        for number in said:
            for emotion in emotions:
                repeats = takes if emotion != "neutral" or neutral_takes is None else neutral_takes
                plan += [
                    ClipSpec(identity, emotion, level, number, view, take, seconds, wild, seed)
                    for level in ((1,) if emotion == "neutral" else levels)
                    for take in range(repeats)
                    for view in views
                ]
    return plan


def clip_files(root: Path, spec: ClipSpec, twin: bool = True) -> Clip:
    """Where a clip lies under ``root``."""
    name, number = identity_name(spec.identity), sentence_name(spec)
    folder = root / name / "video" / spec.view / spec.emotion / f"level_{spec.level}"
    return Clip(
        id=spec_id(spec),
        identity=name,
        emotion=spec.emotion,
        level=spec.level,
        view=spec.view,
        sentence=number,
        video=folder / f"{number}.mp4",
        audio=root / name / "audio" / spec.emotion / f"level_{spec.level}" / f"{number}.m4a",
        truth=folder / f"{number}.truth.npz",
        twin=folder / f"{number}.twin.mp4" if twin else None,
    )


def _write_clip(order: tuple[Path, ClipSpec, int, bool, int, int]) -> str:
    """Render one clip and write its files, the video last. Raises DataError naming the file on a full disk."""
    from eap import media

    root, spec, size, twin, supersample, rate = order
    files = clip_files(root, spec, twin)
    if files.audio is None or files.truth is None:
        raise AssertionError("clip_files gives audio and truth")
    made = render_clip(spec, size=size, twin=twin, supersample=supersample, rate=rate)
    if made.frames is None or (twin and made.twin_frames is None):
        raise AssertionError("render_clip drew no frames")
    try:
        files.video.parent.mkdir(parents=True, exist_ok=True)
        files.audio.parent.mkdir(parents=True, exist_ok=True)
        media.write_audio(files.audio, made.audio, rate)
        save_truth(files.truth, made.truth)
        if files.twin is not None and made.twin_frames is not None:
            media.write_video(files.twin, made.twin_frames, fps=FPS, audio=made.twin_audio, rate=rate)
        media.write_video(files.video, made.frames, fps=FPS, audio=made.audio, rate=rate)
    except OSError as error:
        fix = "free disk space and run again: it resumes" if error.errno == errno.ENOSPC else "check the folder"
        raise DataError(f"{files.video}: {error.strerror or error}", fix=fix) from error
    return files.id


def _common(specs: Sequence[ClipSpec]) -> dict[str, object]:
    """What a file's name does not tell and all specs share: another value of it must not be taken for the same clip."""
    values = {name: {getattr(spec, name) for spec in specs} for name in ("seed", "seconds", "wild")}
    return {name: found.pop() for name, found in values.items() if len(found) == 1}


@contextmanager
def _owned(root: Path, described: dict[str, object]) -> Iterator[None]:
    """Hold ``root`` as the only writer; refuse a folder that holds something else or another world."""
    if root.exists() and not root.is_dir():
        raise DataError(f"{root}: is a file, not a folder", fix="choose another folder")
    marker = root / MARKER
    if root.is_dir() and not marker.exists() and any(path.name != _LOCK for path in root.iterdir()):
        raise DataError(f"{root}: holds other files, not an embedded world", fix="choose an empty folder")
    root.mkdir(parents=True, exist_ok=True)
    with (root / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataError(f"{root}: another process is writing it", fix="wait for it, or stop it") from error
        if marker.exists():
            try:
                found = json.loads(marker.read_text())
            except ValueError as error:
                raise DataError(f"{marker}: damaged", fix="delete the folder and write it again") from error
            other = {key: found.get(key) for key, value in described.items() if found.get(key, value) != value}
            if other:
                asked = {key: described[key] for key in other}
                raise DataError(f"{root}: holds a world of {other}, asked for {asked}", fix="choose another folder")
            if described.keys() - found.keys():
                write_json(marker, found | described)
            for leftover in root.glob("*/*/**/.*.*"):  # temporary files of a run that was killed
                leftover.unlink(missing_ok=True)
        else:
            write_json(marker, described)
        yield


def write_world(
    root: Path | str,
    specs: Sequence[ClipSpec],
    *,
    size: int = 128,
    twin: bool = True,
    supersample: int = 2,
    rate: int = RATE,
    workers: int = 1,
    progress: Progress | None = None,
) -> WorldReport:
    """Write clips in the MEAD layout with truth and neutral twin beside each; resumable, whole clips or nothing.

    ``rate`` is that of the sound: 16000 or 48000 Hz. No specs: claims the folder. Raises DataError for a folder that
    holds something else or another world (size, twin, rate, seed, length of clips, wild), for two specs of one file,
    and on a full disk.
    """
    started = time.monotonic()
    check_size(size, supersample)
    root = Path(root)
    clips = tuple(clip_files(root, spec, twin) for spec in specs)
    if len({clip.video for clip in clips}) != len(clips):
        raise DataError(f"{root}: two clips of the plan have the same file", fix="give repeated clips another take")
    shared = {"format": _FORMAT, "size": size, "twin": twin, "supersample": supersample, "rate": rate}
    with _owned(root, shared | _common(specs)):
        missing = [spec for spec, clip in zip(specs, clips, strict=True) if not clip.video.exists()]
        kept = len(specs) - len(missing)
        orders = [(root, spec, size, twin, supersample, rate) for spec in missing]
        for count, _ in enumerate(ordered_map(_write_clip, orders, workers), start=kept + 1):
            if progress is not None:
                progress(count, len(specs))
    return WorldReport(root, clips, len(missing), kept, time.monotonic() - started)
