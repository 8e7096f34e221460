"""Any folder of videos, and pairing a folder of results with a folder of references."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from eap.constants import EMOTIONS
from eap.data.clip import Clip, Manifest, Rejected
from eap.data.mead import AUDIO_SUFFIXES, TRUTH_SUFFIX, TWIN_SUFFIX, existing
from eap.data.walking import walk
from eap.errors import DataError

VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mpg", ".mpeg", ".mov", ".webm")

_CLIP_ID = re.compile(
    rf"(?P<identity>[^_]+)_(?P<view>.+)_(?P<emotion>{'|'.join(EMOTIONS)})_(?P<level>[1-3])_(?P<sentence>[^_]+)"
)


def read_folder(root: str | Path) -> Manifest:
    """Every video under `root`, sorted by id = path below `root` without suffix (`sub/name`).

    A name that is a clip id (`M003_front_angry_3_012`) gives identity, view, emotion, level and sentence. Else the
    identity is the top folder's name, or the clip's own where there is none, and emotion and level are None. Sound
    is taken from `<name>.wav|.m4a|.flac` beside the video where there is one, else from the video. Everything else is
    rejected with its reason. Raises DataError when there is no video.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder", fix="name a folder of videos")
    clips: dict[str, Clip] = {}
    seen = walk(root)
    rejected = list(seen.rejected)
    for path in seen.files:
        below = path.relative_to(root)
        reason = _unusable(path)
        name = below.with_suffix("").as_posix()
        if reason is None and name in clips:
            reason = f"same name as {clips[name].video.name}"
        if reason is None:
            clips[name] = _clip(path, name)
        elif reason:
            rejected.append(Rejected(path, reason))
    if not clips:
        detail = f", the first: {rejected[0].path.relative_to(root)}: {rejected[0].reason}" if rejected else ""
        raise DataError(
            f"{root}: holds no usable video among {len(rejected)} files{detail}",
            fix=f"put {', '.join(VIDEO_SUFFIXES)} files into it",
        )
    return Manifest(root, tuple(clips[key] for key in sorted(clips)), tuple(rejected))


def _unusable(path: Path) -> str | None:
    """Why a file is no clip; an empty reason for what belongs to a clip beside it; None for a clip."""
    name = path.name.lower()
    for suffix in (TRUTH_SUFFIX, TWIN_SUFFIX, *AUDIO_SUFFIXES):
        if name.endswith(suffix):
            stem = path.name[: -len(suffix)]
            if any(path.with_name(stem + video).exists() for video in VIDEO_SUFFIXES):
                return ""
            return f"there is no video called {stem}"
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return f"not a video ({path.suffix or 'no suffix'})"
    return None if path.stat().st_size else "empty (0 bytes)"


def _clip(path: Path, name: str) -> Clip:
    audio = next(filter(None, (existing(path.with_suffix(suffix)) for suffix in AUDIO_SUFFIXES)), None)
    matched = _CLIP_ID.fullmatch(path.stem)
    top = name.split("/")[0]
    return Clip(
        id=name,
        identity=matched["identity"] if matched else top,
        emotion=matched["emotion"] if matched else None,
        level=int(matched["level"]) if matched else None,
        view=matched["view"] if matched else "front",
        sentence=matched["sentence"] if matched else path.stem,
        video=path,
        audio=audio,
        truth=existing(path.with_name(path.stem + TRUTH_SUFFIX)),
        twin=existing(path.with_name(path.stem + TWIN_SUFFIX)),
    )


@dataclass(frozen=True)
class FolderPairs:
    """Results against references. pairs: (generated, reference). missing: references without a result. extra: results
    without a reference. rejected: files of either folder that could not be used."""

    pairs: tuple[tuple[Clip, Clip], ...]
    missing: tuple[Clip, ...]
    extra: tuple[Clip, ...]
    rejected: tuple[Rejected, ...]


def pair_folders(generated: str | Path, reference: str | Path) -> FolderPairs:
    """Pair the videos of two folders by id, or, where no id is in both, by file name without folders and suffix.

    Raises DataError when either folder holds no video or nothing pairs.
    """
    results, references = read_folder(generated), read_folder(reference)
    made = {clip.id: clip for clip in results.clips}
    known = {clip.id: clip for clip in references.clips}
    if not made.keys() & known.keys():
        by_name_made, by_name_known = _by_name(results), _by_name(references)
        if by_name_made is not None and by_name_known is not None:
            made, known = by_name_made, by_name_known
    both = sorted(made.keys() & known.keys())
    if not both:
        raise DataError(
            f"{generated}: no video has the name of one in {reference} "
            f"(for example {results.clips[0].id} and {references.clips[0].id})",
            fix="give results the file names of their references",
        )
    return FolderPairs(
        pairs=tuple((made[key], known[key]) for key in both),
        missing=tuple(known[key] for key in sorted(known.keys() - made.keys())),
        extra=tuple(made[key] for key in sorted(made.keys() - known.keys())),
        rejected=results.rejected + references.rejected,
    )


def _by_name(manifest: Manifest) -> dict[str, Clip] | None:
    """Clips by bare file name, or None when two share one."""
    named = {clip.video.stem: clip for clip in manifest.clips}
    return named if len(named) == len(manifest.clips) else None
