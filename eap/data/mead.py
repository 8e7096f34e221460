"""MEAD as it is published, and the embedded world, which is written in the same layout.

<ID>/video/<view>/<emotion>/level_<k>/<nnn>.mp4        the second part may also be `1` or `2`
<ID>/audio/<emotion>/level_<k>/<nnn>.m4a               .wav and .flac are taken too
<ID>/video/<view>/<emotion>/level_<k>/<nnn>.truth.npz  embedded world only (eap.data.truth)
<ID>/video/<view>/<emotion>/level_<k>/<nnn>.twin.mp4   embedded world only: the neutral twin
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from eap.constants import EMOTIONS, LEVELS
from eap.data.clip import Clip, Manifest, Rejected, clip_id
from eap.errors import DataError, MediaError

ALL_VIEWS = ("front", "left_30", "left_60", "right_30", "right_60", "top", "down")
LAYOUT = (
    "a MEAD folder holds <ID>/video/<view>/<emotion>/level_<k>/<nnn>.mp4 and "
    "<ID>/audio/<emotion>/level_<k>/<nnn>.m4a, for example M003/video/front/angry/level_3/012.mp4"
)
TRUTH_SUFFIX = ".truth.npz"
TWIN_SUFFIX = ".twin.mp4"
AUDIO_SUFFIXES = (".m4a", ".wav", ".flac")

_VIDEO_FOLDERS = ("video", "1", "2")
_LEVEL = re.compile(r"level_([0-9]+)")
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class _Wanted:
    """What was asked for; None is everything. Files outside it are left alone, not rejected."""

    views: frozenset[str]
    identities: frozenset[str] | None
    emotions: frozenset[str] | None
    levels: frozenset[int] | None


def read_mead(
    root: str | Path,
    *,
    views: Collection[str] | None = ("front",),
    identities: Collection[str] | None = None,
    emotions: Collection[str] | None = None,
    levels: Collection[int] | None = None,
) -> Manifest:
    """The clips under `root`, sorted by id, and every file there that cannot be used, with the reason.

    `views=None` reads all views. Only names and sizes are looked at, and a video without an audio file beside it is
    probed for sound of its own; whether files decode is found out when they are read. Raises DataError when `root` is
    missing, holds no usable clip, or an unknown view or emotion is asked for.
    """
    root = Path(root)
    wanted = _Wanted(
        _known("view", views, ALL_VIEWS) or frozenset(ALL_VIEWS),
        None if identities is None else frozenset(identities),
        _known("emotion", emotions, EMOTIONS),
        None if levels is None else frozenset(levels),
    )
    if not root.is_dir():
        raise DataError(f"{root}: no such folder", fix=LAYOUT)
    clips: dict[str, Clip] = {}
    rejected: list[Rejected] = []
    for base in _video_folders(root):
        identity = base.parent.name
        if wanted.identities is not None and identity not in wanted.identities:
            continue
        for found in _read_identity(base, identity, wanted):
            if isinstance(found, Rejected):
                rejected.append(found)
            elif found.id in clips:
                rejected.append(Rejected(found.video, f"same clip as {clips[found.id].video.relative_to(root)}"))
            else:
                clips[found.id] = found
    if not clips:
        raise DataError(f"{root}: {_why_empty(root, rejected)}", fix=LAYOUT)
    return Manifest(root, tuple(clips[key] for key in sorted(clips)), tuple(rejected))


def _known(what: str, asked: Collection[str] | None, allowed: Collection[str]) -> frozenset[str] | None:
    if asked is None:
        return None
    unknown = sorted(set(asked) - set(allowed))
    if unknown:
        raise DataError(f"unknown {what} {', '.join(unknown)}", fix=f"use one of {', '.join(allowed)}")
    return frozenset(asked)


def _video_folders(root: Path) -> list[Path]:
    """`<ID>/video`, `<ID>/1`, `<ID>/2` of every identity."""
    return [
        identity / name
        for identity in _entries(root)
        if identity.is_dir()
        for name in _VIDEO_FOLDERS
        if (identity / name).is_dir()
    ]


def _why_empty(root: Path, rejected: list[Rejected]) -> str:
    if rejected:
        first = rejected[0]
        return f"no usable clip among {len(rejected)} files, the first: {first.path.relative_to(root)}: {first.reason}"
    if not _video_folders(root):
        return "holds no identity folder with videos" if any(root.iterdir()) else "is empty"
    return "holds no clip of what was asked for"


def _entries(folder: Path) -> list[Path]:
    """Sorted, without hidden files."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _read_identity(base: Path, identity: str, wanted: _Wanted) -> Iterator[Clip | Rejected]:
    for view in _entries(base):
        if view.name not in ALL_VIEWS:
            yield from _reject_all(view, f"unknown view {view.name}")
        elif view.name in wanted.views:
            for emotion in _entries(view):
                yield from _read_emotion(emotion, identity, view.name, wanted)


def _read_emotion(folder: Path, identity: str, view: str, wanted: _Wanted) -> Iterator[Clip | Rejected]:
    emotion = folder.name
    if emotion not in EMOTIONS:
        yield from _reject_all(folder, f"unknown emotion {emotion}, MEAD's are {', '.join(EMOTIONS)}")
        return
    if wanted.emotions is not None and emotion not in wanted.emotions:
        return
    for level_folder in _entries(folder):
        matched = _LEVEL.fullmatch(level_folder.name)
        level = int(matched[1]) if matched else 0
        if level not in LEVELS:
            yield from _reject_all(level_folder, f"{level_folder.name} is not level_1, level_2 or level_3")
        elif wanted.levels is not None and level not in wanted.levels:
            continue
        elif emotion == "neutral" and level != 1:
            yield from _reject_all(level_folder, "neutral has level_1 only")
        else:
            audio = folder.parents[2] / "audio" / emotion / level_folder.name
            for video in _entries(level_folder):
                found = _read_clip(video, audio, identity, view, emotion, level)
                if found is not None:
                    yield found


def _read_clip(video: Path, audio: Path, identity: str, view: str, emotion: str, level: int) -> Clip | Rejected | None:
    """One file of a level folder: a clip, a rejection, or None for what belongs to a clip beside it."""
    if video.name.endswith((TRUTH_SUFFIX, TWIN_SUFFIX)):
        owner = video.name.removesuffix(TRUTH_SUFFIX).removesuffix(TWIN_SUFFIX) + ".mp4"
        return None if video.with_name(owner).exists() else Rejected(video, f"belongs to {owner}, which is missing")
    if video.suffix.lower() != ".mp4" or not video.is_file():
        return Rejected(video, "not an .mp4 file")
    if not _NUMBER.fullmatch(video.stem):
        return Rejected(video, "name is not a number such as 012.mp4")
    if video.stat().st_size == 0:
        return Rejected(video, "empty (0 bytes)")
    sound = _find_audio(video, audio)
    if isinstance(sound, str):
        return Rejected(video, sound)
    return Clip(
        id=clip_id(identity, view, emotion, level, video.stem),
        identity=identity,
        emotion=emotion,
        level=level,
        view=view,
        sentence=video.stem,
        video=video,
        audio=sound,
        truth=existing(video.with_name(video.stem + TRUTH_SUFFIX)),
        twin=existing(video.with_name(video.stem + TWIN_SUFFIX)),
    )


def _find_audio(video: Path, folder: Path) -> Path | str | None:
    """The audio file of a clip, None when the video has sound of its own, or the reason why there is neither."""
    for suffix in AUDIO_SUFFIXES:
        path = folder / (video.stem + suffix)
        if path.exists():
            return path if path.stat().st_size else f"its audio {path.name} is empty (0 bytes)"
    from eap.media import probe

    try:
        if probe(video).has_audio:
            return None
    except MediaError as error:
        return error.message.removeprefix(f"{video}: ")
    return f"no audio: {folder / video.stem}.m4a is missing and the video has no sound"


def existing(path: Path) -> Path | None:
    """`path` when it is there and not empty."""
    return path if path.is_file() and path.stat().st_size else None


def _reject_all(path: Path, reason: str) -> Iterator[Rejected]:
    """Every file at or under `path`."""
    if path.is_dir():
        for entry in _entries(path):
            yield from _reject_all(entry, reason)
    else:
        yield Rejected(path, reason)
