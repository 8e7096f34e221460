"""HDTF: clips cut from long videos of people who speak. It publishes lists of addresses; users name their cuts.

RD_Radio11_000.mp4, WDA_<name>_000.mp4, WRA_<name>_000.mp4   whole clips; or Radio11_0.mp4, as HDTF's README names them
RD_Radio1_000#1.mp4                                          pieces of five seconds (EDTalk's lists)
"""

from __future__ import annotations

import re
from pathlib import Path

from eap.data.clip import Clip, Manifest, Rejected
from eap.data.walking import Gathered, sound_of, unusable, walk
from eap.errors import DataError

LAYOUT = (
    "an HDTF folder holds clips that were cut already: RD_Radio11_000.mp4, Radio11_0.mp4, or pieces RD_Radio1_000#1.mp4"
)

_NAME = re.compile(r"(?:(?P<part>RD|WDA|WRA)_)?(?P<source>.+?)_(?P<number>[0-9]+)(?:#(?P<piece>[0-9]+))?")
_LIST = re.compile(r"(RD|WDA|WRA)_(video_url|resolution|annotion_time|crop_wh|crop_ratio)\.txt")
_SOUNDS = (".wav", ".m4a", ".flac")


def read_hdtf(root: str | Path) -> Manifest:
    """The clips below `root`, sorted by id (the file's name), and every file there that is not used, with the reason.

    identity is the video a clip was cut from (`RD_Radio11`): HDTF does not say which videos show the same person.
    sentence is the number of the clip, and of the piece (`000#1`). emotion and level are None: HDTF has none. Sound is
    a file of the same name beside the clip, else the clip's own. Raises DataError when `root` holds no clip.
    """
    root = Path(root)
    seen = walk(root)
    clips = {path.stem for path in seen.files if path.suffix.lower() == ".mp4"}
    gathered = Gathered(root, seen.rejected)
    lists = 0
    for path in seen.files:
        if _LIST.fullmatch(path.name):
            lists += 1
        elif path.suffix.lower() in _SOUNDS:
            if path.stem not in clips:
                gathered.add(Rejected(path, f"sound without a video called {path.stem}"))
        else:
            gathered.add(_read(path))
    if lists and not clips:
        raise DataError(
            f"{root}: holds HDTF's lists of addresses ({lists} files) and no clip",
            fix=f"fetch the videos that the lists name and cut them first; {LAYOUT}",
        )
    return gathered.manifest(LAYOUT)


def _read(path: Path) -> Clip | Rejected:
    if reason := unusable(path, (".mp4",), "an .mp4 file"):
        return Rejected(path, reason)
    matched = _NAME.fullmatch(path.stem)
    if matched is None:
        return Rejected(path, "name is not like RD_Radio11_000 or Radio11_0: perhaps a whole video, not yet cut")
    audio = sound_of(path, [path.with_suffix(suffix) for suffix in _SOUNDS if path.with_suffix(suffix).exists()])
    if isinstance(audio, str):
        return Rejected(path, audio)
    piece = f"#{matched['piece']}" if matched["piece"] else ""
    return Clip(
        id=path.stem,
        identity="_".join(filter(None, (matched["part"], matched["source"]))),
        emotion=None,
        level=None,
        view="front",
        sentence=matched["number"] + piece,
        video=path,
        audio=audio,
    )
