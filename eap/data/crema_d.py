"""CREMA-D as its repository is laid out (CheyneyComputerScience/CREMA-D at 1658cd3), with the votes of people.

VideoFlash/<actor>_<sentence>_<emotion>_<level>.flv        .mp4 (converted) is taken too, from VideoMP4 or any folder
AudioWAV/<same name>.wav                                   the sound where it is there, else the video's own
processedResults/summaryTable.csv                          emotion and intensity as people judged them
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eap.data.clip import Clip, Manifest, Rejected
from eap.data.walking import Gathered, sound_of, unusable, walk, wrong_level
from eap.errors import DataError
from eap.files import read_csv

LAYOUT = (
    "a CREMA-D folder holds VideoFlash/1001_DFA_ANG_XX.flv (or .mp4), AudioWAV/1001_DFA_ANG_XX.wav and "
    "processedResults/summaryTable.csv"
)
EMOTIONS: Final = {
    "ANG": "angry", "DIS": "disgusted", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
LEVELS: Final = {"LO": 1, "MD": 2, "HI": 3, "XX": None}
"""XX: the actor was not told how strongly."""
SENTENCES: Final = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
BAD_CLIPS: Final = frozenset({"1076_MTI_NEU_XX", "1076_MTI_SAD_XX", "1064_TIE_SAD_XX", "1064_IEO_DIS_MD"})
"""Clips that CREMA-D's README itself names as bad."""

_NAME = re.compile(r"(?P<actor>[0-9]{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>[A-Z]{1,2})")
_VOTED: Final = {"A": "angry", "D": "disgusted", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
_FOLDERS = ("VideoFlash", "AudioWAV", "AudioMP3", "processedResults")
_SOUNDS = (".wav", ".mp3")
_VIDEOS = (".flv", ".mp4")


@dataclass(frozen=True)
class Vote:
    """What most people heard or saw. emotions: one, or several that tie. intensity: mean of those, 0..1, or nan."""

    emotions: tuple[str, ...]
    intensity: float


@dataclass(frozen=True)
class Votes:
    """Votes on one clip: by its voice alone, by its face alone, by both."""

    voice: Vote
    face: Vote
    both: Vote


def read_crema_d(root: str | Path) -> Manifest:
    """The clips below `root`, sorted by id (the file's name), and every file there that is not used, with the reason.

    level is 1 for LO, 2 for MD, 3 for HI, None for XX. The four clips that the README names as bad are left out. Where
    a clip is there as .flv and .mp4, the .mp4 is left out, for a converted file has been encoded twice. Only names,
    sizes and headers are read. Raises DataError when `root` is no CREMA-D folder.
    """
    root = Path(root)
    seen = walk(root)
    _check_level(root)
    sounds = {path.stem: path for path in sorted(seen.files, key=_sound_order) if path.suffix.lower() in _SOUNDS}
    gathered = Gathered(root, seen.rejected)
    videos = {path.stem for path in seen.files if path.suffix.lower() in _VIDEOS}
    flash = {path.stem for path in seen.files if path.suffix.lower() == ".flv"}
    for path in seen.files:
        if path.suffix.lower() in _SOUNDS:
            if path.stem not in videos:
                gathered.add(Rejected(path, f"sound without a video called {path.stem}"))
        elif path.suffix.lower() == ".mp4" and path.stem in flash:
            gathered.add(Rejected(path, f"a copy of {path.stem}.flv", expected=True))
        elif not _is_document(path, root):
            gathered.add(_read(path, sounds.get(path.stem)))
    return gathered.manifest(LAYOUT)


def _sound_order(path: Path) -> tuple[bool, Path]:
    """Later wins: .wav before .mp3."""
    return (path.suffix.lower() == ".wav", path)


def _is_document(path: Path, root: Path) -> bool:
    """Tables, lists and scripts of the repository: no clips, and meant to be none."""
    top = path.relative_to(root).parts[0]
    return path.suffix.lower() in (".csv", ".txt", ".md", ".r", ".py", ".pdf") or top == "processedResults"


def _read(path: Path, sound: Path | None) -> Clip | Rejected:
    if reason := unusable(path, _VIDEOS, "an .flv or .mp4 file"):
        return Rejected(path, reason)
    matched = _NAME.fullmatch(path.stem)
    if matched is None:
        return Rejected(path, "name is not like 1001_DFA_ANG_XX")
    if path.stem in BAD_CLIPS:
        return Rejected(path, "one of the four clips that CREMA-D's README names as bad", expected=True)
    if matched["sentence"] not in SENTENCES:
        return Rejected(path, f"unknown sentence {matched['sentence']}")
    if matched["emotion"] not in EMOTIONS or matched["level"] not in LEVELS:
        return Rejected(path, f"unknown emotion or level {matched['emotion']}_{matched['level']}")
    audio = sound_of(path, [] if sound is None else [sound])
    if isinstance(audio, str):
        return Rejected(path, audio)
    return Clip(
        id=path.stem,
        identity=matched["actor"],
        emotion=EMOTIONS[matched["emotion"]],
        level=LEVELS[matched["level"]],
        view="front",
        sentence=matched["sentence"],
        video=path,
        audio=audio,
    )


def _check_level(root: Path) -> None:
    if root.resolve().name in _FOLDERS:
        raise wrong_level(root, f"CREMA-D's {root.resolve().name} folder", root.resolve().parent, LAYOUT)
    for entry in sorted(root.iterdir()):
        if not (root / "VideoFlash").is_dir() and (entry / "VideoFlash").is_dir():
            raise wrong_level(root, f"a folder above CREMA-D's, which is {entry.name}", entry, LAYOUT)


def votes_file(root: str | Path) -> Path | None:
    """Where the votes lie: `processedResults/summaryTable.csv`, or `summaryTable.csv` in the folder itself."""
    places = (Path(root) / "processedResults" / "summaryTable.csv", Path(root) / "summaryTable.csv")
    return next((path for path in places if path.is_file()), None)


def read_crema_votes(path: str | Path) -> Mapping[str, Votes]:
    """Clip id -> votes of people, from `summaryTable.csv`. Raises DataError naming the file and the row.

    Intensities are stored as 0..100 and given as 0..1; where emotions tie ("N:S", "50:70"), all are named and the
    intensity is the mean of theirs.
    """
    path = Path(path)
    rows = read_csv(path, fix="give CREMA-D's summaryTable.csv")
    wanted = ["FileName", *(f"{kind}{what}" for kind in ("Voice", "Face", "MultiModal") for what in ("Vote", "Level"))]
    absent = [name for name in wanted if not rows or name not in rows[0]]
    if absent:
        raise DataError(f"{path}: no column {', '.join(absent)}", fix="give CREMA-D's summaryTable.csv")
    votes = {}
    for number, row in enumerate(rows, start=2):
        where = f"{path}, line {number}"
        voice, face, both = (_vote(row, kind, where) for kind in ("Voice", "Face", "MultiModal"))
        votes[row["FileName"]] = Votes(voice, face, both)
    return votes


def _vote(row: Mapping[str, str | None], kind: str, where: str) -> Vote:
    letters = [letter for letter in (row[f"{kind}Vote"] or "").split(":") if letter]
    unknown = [letter for letter in letters if letter not in _VOTED]
    if unknown:
        raise DataError(f"{where}: {kind}Vote {row[f'{kind}Vote']!r}", fix=f"use letters of {', '.join(_VOTED)}")
    try:
        levels = [float(level) for level in (row[f"{kind}Level"] or "").split(":") if level]
    except ValueError as error:
        raise DataError(f"{where}: {kind}Level {row[f'{kind}Level']!r} is no number", fix="correct it") from error
    if any(not 0 <= level <= 100 for level in levels):
        raise DataError(f"{where}: {kind}Level {row[f'{kind}Level']!r} is not in 0..100", fix="correct it")
    mean = sum(levels) / len(levels) / 100 if levels else math.nan
    return Vote(tuple(_VOTED[letter] for letter in letters), mean)
