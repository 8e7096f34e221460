"""Any folder of videos with a CSV file that says what each is.

A header line with `video` (a path from the CSV file's folder) and any of: id, identity, emotion (MEAD's word),
level (1-3), view, sentence, audio.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from eap.constants import EMOTIONS, LEVELS
from eap.data.clip import Clip, Manifest, Rejected
from eap.data.walking import Gathered, blocked, sound_of, unusable, walk
from eap.errors import DataError

LAYOUT = (
    "a folder with one CSV file whose header has 'video' and any of id, identity, emotion, level, view, sentence, audio"
)
COLUMNS = ("video", "id", "identity", "emotion", "level", "view", "sentence", "audio")
VIDEO_SUFFIXES = (".mp4", ".flv", ".mkv", ".avi", ".mpg", ".mpeg", ".mov", ".webm")


def read_csv_folder(path: str | Path) -> Manifest:
    """The clips that a CSV file names, sorted by id, and every line and file that is not used, with the reason.

    path: the CSV file, or the folder that holds it and no other. id is the video's path without suffix where the CSV
    file has none; identity is the top folder, or the id. Paths must stay in the CSV file's folder. Raises DataError
    when the file cannot be read, has no column `video` or one that is unknown, or names no usable clip.
    """
    table = _find(Path(path))
    root = table.parent
    seen = walk(root)
    gathered = Gathered(root, seen.rejected)
    named: set[Path] = {table.resolve()}
    for number, row in _rows(table):
        found = _read(root, row, named)
        if isinstance(found, Rejected):
            found = Rejected(found.path, f"line {number} of {table.name}: {found.reason}")
        gathered.add(found)
    for file in seen.files:
        if file.resolve() not in named:
            gathered.add(Rejected(file, f"not in {table.name}"))
    return gathered.manifest(LAYOUT)


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    tables = sorted(path.glob("*.csv")) if path.is_dir() else []
    if len(tables) == 1:
        return tables[0]
    if tables:
        names = ", ".join(table.name for table in tables)
        raise DataError(f"{path}: holds {len(tables)} CSV files ({names})", fix="give the one that names the clips")
    raise DataError(f"{path}: {'holds no CSV file' if path.is_dir() else 'no such folder'}", fix=f"give {LAYOUT}")


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Line numbers and rows; cells stripped, missing ones empty."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read ({error})", fix="save it as CSV in UTF-8") from error
    if "video" not in columns:
        raise DataError(f"{table}: no column 'video' among: {', '.join(columns) or 'none'}", fix=LAYOUT)
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or len(set(columns)) != len(columns):
        what = f"unknown column {', '.join(unknown)}" if unknown else "a column twice"
        raise DataError(f"{table}: {what}", fix=f"use only {', '.join(COLUMNS)}, each once")
    for number, row in rows:
        if None in row:
            raise DataError(f"{table}, line {number}: more cells than columns", fix="put names with commas in quotes")
    return [(number, {name: (row[name] or "").strip() for name in columns}) for number, row in rows]


def _read(root: Path, row: Mapping[str, str], named: set[Path]) -> Clip | Rejected:
    if not row["video"]:
        return Rejected(root, "no video")
    video = _inside(root, row["video"], named)
    if isinstance(video, Rejected):
        return video
    sound = _inside(root, row["audio"], named) if row.get("audio") else None
    if isinstance(sound, Rejected):
        return Rejected(video, f"its sound {row['audio']}: {sound.reason}")
    if reason := unusable(video, VIDEO_SUFFIXES, "a video"):
        return Rejected(video, reason)
    emotion, level = row.get("emotion") or None, row.get("level") or None
    if emotion is not None and emotion not in EMOTIONS:
        return Rejected(video, f"unknown emotion {emotion}, use one of {', '.join(EMOTIONS)}")
    if level is not None and level not in map(str, LEVELS):
        return Rejected(video, f"level {level} is not 1, 2 or 3")
    audio = sound_of(video, [] if sound is None else [sound])
    if isinstance(audio, str):
        return Rejected(video, audio)
    below = Path(row["video"])
    name = row.get("id") or below.with_suffix("").as_posix()
    return Clip(
        id=name,
        identity=row.get("identity") or (below.parts[0] if len(below.parts) > 1 else name),
        emotion=emotion,
        level=None if level is None else int(level),
        view=row.get("view") or "front",
        sentence=row.get("sentence") or below.stem,
        video=video,
        audio=audio,
    )


def _inside(root: Path, text: str, named: set[Path]) -> Path | Rejected:
    """The file that a cell names, marked as named; spelt otherwise in Unicode (as macOS does) it is found too."""
    if Path(text).is_absolute() or ".." in Path(text).parts:
        return Rejected(root / text, "leads out of the folder: give a path from the CSV file's folder")
    forms = [root / unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    path = next((path for path in (root / text, *forms) if path.exists()), None)
    if path is None:
        return Rejected(root / text, "no such file")
    if reason := blocked(path):
        return Rejected(path, reason)
    named.add(path.resolve())
    return path
