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
from eap.data.walking import blocked, entries_of, sound_of, unusable, walk, wrong_level
from eap.errors import DataError

ALL_VIEWS = ("front", "left_30", "left_60", "right_30", "right_60", "top", "down")
LAYOUT = (
    "a MEAD folder holds <ID>/video/<view>/<emotion>/level_<k>/<nnn>.mp4 and "
    "<ID>/audio/<emotion>/level_<k>/<nnn>.m4a, for example M003/video/front/angry/level_3/012.mp4"
)
TRUTH_SUFFIX = ".truth.npz"
TWIN_SUFFIX = ".twin.mp4"
AUDIO_SUFFIXES = (".m4a", ".wav", ".flac")

_VIDEO_FOLDERS = ("video", "1", "2")
_OWN_FILES = ("eap-world.json", "complete.json")
"""What the embedded world keeps beside its clips."""
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

    `views=None` reads all views, and then also names what lies outside the layout: stray files, archives that were not
    unpacked, sound without a video. What is absent altogether (partial downloads) is told by `gaps`. Only names and
    sizes are looked at, and a video without an audio file beside it is probed for sound of its own; whether files
    decode is found out when they are read. Raises DataError when `root` is missing, is a folder of another level, holds
    no usable clip, or an unknown view or emotion is asked for.
    """
    root = Path(root)
    wanted = _Wanted(
        _known("view", views, ALL_VIEWS) or frozenset(ALL_VIEWS),
        None if identities is None else frozenset(identities),
        _known("emotion", emotions, EMOTIONS),
        None if levels is None else frozenset(levels),
    )
    if not root.is_dir():
        what = "is a file, a folder is wanted" if root.exists() else "no such folder"
        raise DataError(f"{root}: {what}", fix=LAYOUT)
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
    if not clips and not rejected:
        _check_level(root)
    if views is None and _video_folders(root):
        rejected.extend(_strays(root, wanted, {item.path for item in rejected}))
    if not clips:
        raise DataError(f"{root}: {_why_empty(root, rejected)}", fix=LAYOUT)
    return Manifest(root, tuple(clips[key] for key in sorted(clips)), tuple(rejected))


@dataclass(frozen=True)
class Gap:
    """What one identity of a MEAD folder has no usable clip of: whole views, or emotions in the views it has."""

    identity: str
    views: tuple[str, ...]
    emotions: tuple[str, ...]


def gaps(manifest: Manifest) -> tuple[Gap, ...]:
    """Identities without some of the seven views or eight emotions, by name. As published, MEAD lacks some too."""
    found = []
    for identity in manifest.identities:
        own = [clip for clip in manifest.clips if clip.identity == identity]
        views = tuple(view for view in ALL_VIEWS if all(clip.view != view for clip in own))
        emotions = tuple(emotion for emotion in EMOTIONS if all(clip.emotion != emotion for clip in own))
        if views or emotions:
            found.append(Gap(identity, views, emotions))
    return tuple(found)


def _strays(root: Path, wanted: _Wanted, known: Collection[Path]) -> list[Rejected]:
    """Files that are in no place of the layout, and sound without a video in any view, without the `known` ones."""
    return [item for item in _all_strays(root, wanted) if item.path not in known]


def _all_strays(root: Path, wanted: _Wanted) -> Iterator[Rejected]:
    for entry in _entries(root):
        if not _is_dir(entry):
            if entry.name not in _OWN_FILES:
                yield Rejected(entry, _why_stray(entry, "a file beside the folders of the identities"))
        elif wanted.identities is None or entry.name in wanted.identities:
            yield from _identity_strays(entry)


def _identity_strays(identity: Path) -> Iterator[Rejected]:
    known = {*_VIDEO_FOLDERS, "audio"}
    for entry in _entries(identity):
        if entry.name not in known or not _is_dir(entry):
            yield from _reject_all(entry, _why_stray(entry, f"not in one of {', '.join(sorted(known))}"))
    spoken = {
        video.relative_to(identity / second).with_suffix("").parts[1:]
        for second in _VIDEO_FOLDERS
        if (identity / second).is_dir()
        for video in walk(identity / second).files
    }
    if (identity / "audio").is_dir():
        sounds = walk(identity / "audio")
        yield from sounds.rejected
        for sound in sounds.files:
            if sound.relative_to(identity / "audio").with_suffix("").parts not in spoken:
                yield Rejected(sound, _why_stray(sound, "sound without a video in any view"))


def _why_stray(path: Path, otherwise: str) -> str:
    named = "" if path.is_dir() or blocked(path) else unusable(path, (path.suffix.lower(),), "")
    return named if named and not named.startswith("empty") else otherwise


def _check_level(root: Path) -> None:
    """Raise DataError where a folder inside MEAD was given, or one above it, instead of MEAD itself."""
    full = root.resolve()
    inside = {entry.name for entry in _entries(root)}
    level_folder = any(_NUMBER.fullmatch(Path(name).stem) and name.endswith(".mp4") for name in inside)
    steps = (
        (bool(inside & set(_VIDEO_FOLDERS)) and not _video_folders(root), "the folder of one identity", 0),
        (bool(inside & set(ALL_VIEWS)), "the folder of one identity's videos", 1),
        (bool(inside & set(EMOTIONS)) and full.name in ALL_VIEWS, "the folder of one view", 2),
        (bool(inside & set(EMOTIONS)) and full.name == "audio", "the folder of one identity's sound", 1),
        (any(_LEVEL.fullmatch(name) for name in inside), "the folder of one emotion", 3),
        (level_folder and _LEVEL.fullmatch(full.name) is not None, "the folder of one level", 4),
    )
    for holds, given, above in steps:
        if holds and len(full.parents) > above:
            raise wrong_level(root, given, full.parents[above], LAYOUT)
    for entry in _entries(root):
        if _is_dir(entry) and _video_folders(entry):
            raise wrong_level(root, f"a folder above MEAD's, which is {entry.name}", entry, LAYOUT)


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
        if _is_dir(identity)
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
    """Sorted, without hidden files. A folder that cannot be opened holds itself, so that it is named as not used."""
    try:
        return entries_of(folder)
    except OSError:
        return [folder]


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # a link to itself: named as a file that cannot be read


def _read_identity(base: Path, identity: str, wanted: _Wanted) -> Iterator[Clip | Rejected]:
    for view in _entries(base):
        if not _is_dir(view):
            yield Rejected(view, _why_stray(view, blocked(view) or "a file where folders of views are"))
        elif view.name not in ALL_VIEWS:
            yield from _reject_all(view, f"unknown view {view.name}")
        elif view.name in wanted.views:
            for emotion in _entries(view):
                yield from _read_emotion(emotion, identity, view.name, wanted)


def _read_emotion(folder: Path, identity: str, view: str, wanted: _Wanted) -> Iterator[Clip | Rejected]:
    emotion = folder.name
    if not _is_dir(folder):
        yield Rejected(folder, _why_stray(folder, blocked(folder) or "a file where folders of emotions are"))
        return
    if emotion not in EMOTIONS:
        yield from _reject_all(folder, f"unknown emotion {emotion}, MEAD's are {', '.join(EMOTIONS)}")
        return
    if wanted.emotions is not None and emotion not in wanted.emotions:
        return
    for level_folder in _entries(folder):
        matched = _LEVEL.fullmatch(level_folder.name)
        level = int(matched[1]) if matched else 0
        if not _is_dir(level_folder):
            yield Rejected(level_folder, blocked(level_folder) or "a file where folders of levels are")
        elif level not in LEVELS:
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
    if reason := blocked(video) or unusable(video, (".mp4",), "an .mp4 file"):
        return Rejected(video, reason)
    if not _NUMBER.fullmatch(video.stem):
        return Rejected(video, "name is not a number such as 012.mp4")
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
    beside = [folder / (video.stem + suffix) for suffix in AUDIO_SUFFIXES]
    found = sound_of(video, [path for path in beside if path.exists()])
    if isinstance(found, str) and found.startswith("no sound"):
        return f"no audio: {beside[0]} is missing and the video has no sound"
    return found.replace("its sound", "its audio") if isinstance(found, str) else found


def existing(path: Path) -> Path | None:
    """`path` when it is there and not empty."""
    return path if path.is_file() and path.stat().st_size else None


def _reject_all(path: Path, reason: str) -> Iterator[Rejected]:
    """Every file at or under `path`; links are not followed in circles."""
    if not _is_dir(path):
        yield Rejected(path, blocked(path) or reason)
        return
    seen = walk(path)
    yield from seen.rejected
    for file in seen.files:
        yield Rejected(file, reason)
