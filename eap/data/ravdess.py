"""RAVDESS as it is published: names of seven numbers in folders of actors, however its zips were unpacked.

Actor_01/01-01-03-02-01-01-01.mp4                          or Video_Speech_Actor_01/Actor_01/..., or any folders above
modality-channel-emotion-intensity-statement-repetition-actor
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

from eap.data.clip import Clip, Manifest, Rejected
from eap.data.walking import Gathered, sound_of, unusable, walk, wrong_level

LAYOUT = (
    "a RAVDESS folder holds Actor_01/01-01-03-02-01-01-01.mp4, or what its video zips unpack to, such folders of actors"
)
EMOTIONS: Final[dict[str, str | None]] = {
    "01": "neutral", "02": None, "03": "happy", "04": "sad", "05": "angry", "06": "fear", "07": "disgusted",
    "08": "surprised",
}  # fmt: skip
"""02 is calm, which MEAD's eight emotions have no word for."""
LEVELS: Final = {"01": 2, "02": 3}
"""Normal and strong, as MEAD's medium and strong (our choice); neutral has level 1, as in MEAD."""

Channel = Literal["speech", "song"]
_CHANNELS: Final = {"01": "speech", "02": "song"}
_MODALITIES = ("01", "02", "03")
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_ACTOR = re.compile(r"Actor_(\d\d)")
_ZIP_FOLDER = re.compile(r"(Video|Audio)_(Speech|Song)_Actors?_.*")


def read_ravdess(root: str | Path, *, channel: Channel | None = "speech") -> Manifest:
    """The clips below `root`, sorted by id (the file's name), and every file there that is not used, with the reason.

    channel: speech, song, or None for both. A clip is the file with picture and sound (modality 01); where only the
    picture is there (02), the sound (03) of the same numbers is put to it. Calm is left out: it is none of the eight
    emotions. identity is `Actor_01`; sentence is statement and repetition, `01-02`. Raises DataError when `root` is no
    RAVDESS folder.
    """
    root = Path(root)
    seen = walk(root)
    _check_level(root)
    gathered = Gathered(root, seen.rejected)
    sounds: dict[str, Path] = {}
    whole: set[str] = set()
    silent: set[str] = set()
    for path in seen.files:
        modality, code = path.stem[:2], path.stem[3:]
        if path.suffix.lower() in (".wav", ".flac") and modality == "03":
            sounds[code] = path
        elif path.suffix.lower() == ".mp4":
            (whole if modality == "01" else silent).add(code)
    for path in seen.files:
        if sounds.get(path.stem[3:]) == path:
            if path.stem[3:] not in whole | silent:
                gathered.add(Rejected(path, "sound alone: no video of the same numbers"))
        else:
            gathered.add(_read(path, channel, sounds, whole))
    return gathered.manifest(LAYOUT)


def _read(path: Path, channel: Channel | None, sounds: dict[str, Path], whole: set[str]) -> Clip | Rejected:
    if reason := unusable(path, (".mp4",), "an .mp4 file"):
        return Rejected(path, reason)
    matched = _NAME.fullmatch(path.stem)
    if matched is None:
        return Rejected(path, "name is not seven numbers like 01-01-03-02-01-01-01")
    modality, spoken, emotion, intensity, statement, repetition, actor = matched.groups()
    code = path.stem[3:]
    if modality not in _MODALITIES or spoken not in _CHANNELS or emotion not in EMOTIONS or intensity not in LEVELS:
        return Rejected(path, "a number of its name is not one of RAVDESS's")
    if problem := _misplaced(path, actor):
        return Rejected(path, problem)
    if channel is not None and _CHANNELS[spoken] != channel:
        return Rejected(path, f"{_CHANNELS[spoken]}, and {channel} is wanted", expected=True)
    if EMOTIONS[emotion] is None:
        return Rejected(path, "calm, which is none of the eight emotions", expected=True)
    if modality == "02" and code in whole:
        return Rejected(path, f"the picture of 01-{code}.mp4 without its sound", expected=True)
    audio = sound_of(path, [sounds[code]] if code in sounds and modality == "02" else [])
    if isinstance(audio, str):
        return Rejected(path, f"{audio}, nor is there a 03-{code}.wav" if modality == "02" else audio)
    neutral = EMOTIONS[emotion] == "neutral"
    return Clip(
        id=path.stem,
        identity=f"Actor_{actor}",
        emotion=EMOTIONS[emotion],
        level=1 if neutral else LEVELS[intensity],
        view="front",
        sentence=f"{statement}-{repetition}",
        video=path,
        audio=audio,
    )


def _misplaced(path: Path, actor: str) -> str:
    """Why the folder contradicts the name, or an empty string."""
    folder = _ACTOR.fullmatch(path.parent.name)
    return f"actor {actor} by its name, {folder[1]} by its folder" if folder and folder[1] != actor else ""


def _check_level(root: Path) -> None:
    name = root.resolve().name
    if _ACTOR.fullmatch(name):
        above = root.resolve().parent
        right = above.parent if _ZIP_FOLDER.fullmatch(above.name) else above
        raise wrong_level(root, f"the folder of one actor ({name})", right, LAYOUT)
    if _ZIP_FOLDER.fullmatch(name):
        raise wrong_level(root, f"what one zip unpacks to ({name})", root.resolve().parent, LAYOUT)
