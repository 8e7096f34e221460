"""VoxCeleb2: faces cropped from interviews, in folders of person and video.

dev/mp4/id00012/<video>/00001.mp4         test/mp4/... too; or `mp4` alone; or the folders of people themselves
dev/aac/id00012/<video>/00001.m4a         the sound where it is there, else the video's own
"""

from __future__ import annotations

import re
from pathlib import Path

from eap.data.clip import Clip, Manifest, Rejected
from eap.data.walking import Gathered, sound_of, unusable, walk, wrong_level

LAYOUT = "a VoxCeleb2 folder holds dev/mp4/id00012/<video>/00001.mp4 and dev/aac/id00012/<video>/00001.m4a"

_PERSON = re.compile(r"id[0-9]{5}")
_SOUNDS = (".m4a", ".wav")
_LISTS = (".csv", ".txt")


def read_voxceleb2(root: str | Path) -> Manifest:
    """The clips below `root`, sorted by id (`id00012_<video>_00001`), and every file that is not used, with the reason.

    identity is the person (`id00012`), sentence the video and the number in it; emotion and level are None. Raises
    DataError when `root` is no VoxCeleb2 folder.
    """
    root = Path(root)
    seen = walk(root)
    if _PERSON.fullmatch(root.resolve().name):
        raise wrong_level(root, f"the folder of one person ({root.resolve().name})", root.resolve().parent, LAYOUT)
    if _PERSON.fullmatch(root.resolve().parent.name):
        raise wrong_level(root, "the folder of one video", root.resolve().parents[1], LAYOUT)
    sounds = {_key(path): path for path in seen.files if path.suffix.lower() in _SOUNDS}
    videos = {_key(path) for path in seen.files if path.suffix.lower() == ".mp4"}
    gathered = Gathered(root, seen.rejected)
    for path in seen.files:
        if path.suffix.lower() in _SOUNDS:
            if _key(path) not in videos:
                gathered.add(Rejected(path, "sound without a video of the same person, video and number"))
        elif path.suffix.lower() not in _LISTS:
            gathered.add(_read(path, sounds.get(_key(path))))
    return gathered.manifest(LAYOUT)


def _key(path: Path) -> tuple[str, str, str]:
    """Person, video and number: the same in the folders of picture and of sound."""
    return (path.parent.parent.name, path.parent.name, path.stem)


def _read(path: Path, sound: Path | None) -> Clip | Rejected:
    if reason := unusable(path, (".mp4",), "an .mp4 file"):
        return Rejected(path, reason)
    person, video, number = _key(path)
    if not _PERSON.fullmatch(person) or not number.isdigit():
        return Rejected(path, "does not lie in id00012/<video>/00001.mp4")
    audio = sound_of(path, [] if sound is None else [sound])
    if isinstance(audio, str):
        return Rejected(path, audio)
    return Clip(
        id=f"{person}_{video}_{number}",
        identity=person,
        emotion=None,
        level=None,
        view="front",
        sentence=f"{video}_{number}",
        video=path,
        audio=audio,
    )
