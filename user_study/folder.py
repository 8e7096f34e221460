"""The study's folder: design, stimuli under opaque names, keys. Made whole or not at all; never changed afterwards.

study.json      FolderInfo: id, when and of what it was made, the stimuli (which method is which: keep it private)
design.toml     the design file, to the byte
secret.key      key of ids and cookies, readable by its owner alone
intensity.csv   r(t) of every stimulus, as the run measured it
media/          clips and reference images, named by HMAC
check/          clips of the sound and picture check
study.sqlite    the answers, once served (unless a PostgreSQL URL is given)
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from eap import __version__, media
from eap.errors import ConfigError, DataError
from eap.files import atomic_write, write_json
from user_study import stimuli as clips
from user_study.assignment import Board, make_boards, refuse_unbalanced
from user_study.design import Design, parse_design
from user_study.records import Intensity, Stimulus, frame

BEEPS = (2, 3, 4, 5)
SHAPES = ("circle", "square", "triangle")
CHECK_SIZE, CHECK_FPS, CHECK_RATE = 240, 25, 16000


class FolderInfo(BaseModel):
    """study.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    id: str
    created: str
    version: str
    source: str
    design_sha256: str
    admin_sha256: str
    stimuli: tuple[dict[str, Any], ...]
    media_sha256: dict[str, str] = {}
    """Of every file a rater may be shown, relative to the folder: all of them were decoded when they were copied."""


@dataclass(frozen=True)
class StudyData:
    """A study as it is served and analysed: all that does not change while raters answer."""

    folder: Path
    info: FolderInfo
    design: Design
    design_text: str
    stimuli: dict[str, Stimulus]
    boards: dict[str, Board]
    key: bytes

    @property
    def sqlite_url(self) -> str:
        """Where the answers lie unless another database is named."""
        return f"sqlite:///{(self.folder / 'study.sqlite').absolute()}"

    def media_path(self, relative: str) -> Path:
        """A file of the study's own."""
        return self.folder / relative


def create_folder(
    folder: Path,
    design_text: str,
    sources: Sequence[clips.Source],
    source_name: str,
    progress: Callable[[], None] = lambda: None,
) -> tuple[StudyData, str]:
    """Make a study's folder; returns the study and its admin token, which is kept nowhere but as a hash.

    Raises ConfigError (folder taken, design that does not fit the clips or cannot be balanced) and DataError (clips
    missing or unplayable), before anything is left behind.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: is there already, and not empty", fix="choose another --out")
    design = parse_design(design_text)
    sources = clips.choose(sources, design.stimuli)
    clips.refuse_gaps(sources)
    _refuse_early(design, sources)
    key, token = secrets.token_bytes(32), secrets.token_urlsafe(24)
    with _whole(folder) as partial:
        made = clips.copy_all(sources, partial, key, progress)
        _write_check_clips(partial / "check")
        _write_intensity(partial / "intensity.csv", clips.intensities(sources, made))
        (partial / "design.toml").write_text(design_text, encoding="utf-8")
        _write_key(partial / "secret.key", key)
        info = FolderInfo(
            id=secrets.token_hex(8),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            version=__version__,
            source=source_name,
            design_sha256=hashlib.sha256(design_text.encode()).hexdigest(),
            admin_sha256=hashlib.sha256(token.encode()).hexdigest(),
            stimuli=tuple(asdict(stimulus) for stimulus in made),
            media_sha256={path: _fingerprint(partial / path) for path in _shown(made)},
        )
        write_json(partial / "study.json", info.model_dump(mode="json"))
    return open_folder(folder), token


def _refuse_early(design: Design, sources: Sequence[clips.Source]) -> None:
    """Everything that can be known before the first clip is copied."""
    shown = [
        Stimulus(
            stimulus=source.name, method=source.method, track=source.track, clip=source.clip,
            identity=source.identity, emotion=source.emotion, level=source.level, sentence=source.sentence,
            reference=str(source.reference or ""),
        )
        for source in sources
    ]  # fmt: skip
    clips.refuse_unfit(design, shown)
    refuse_unbalanced(design, make_boards(design, shown), shown)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)
        if folder.is_dir():
            folder.rmdir()
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_key(path: Path, key: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(key.hex().encode())


def _write_intensity(path: Path, rows: Sequence[Intensity]) -> None:
    with atomic_write(path, "w") as stream:
        frame(rows, Intensity).to_csv(stream, index=False, lineterminator="\n")


def open_folder(folder: Path | str) -> StudyData:
    """Read a study's folder. Raises DataError, ConfigError: missing, damaged, changed since it was made."""
    root = Path(folder)
    path = root / "study.json"
    try:
        info = FolderInfo.model_validate_json(path.read_bytes())
        text = (root / "design.toml").read_text(encoding="utf-8")
        key = bytes.fromhex((root / "secret.key").read_text())
        stimuli = [Stimulus(**values) for values in info.stimuli]
    except FileNotFoundError as error:
        raise DataError(
            f"{error.filename}: no such file", fix="give the folder `eap-bench study create` made"
        ) from None
    except (OSError, ValidationError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: cannot be read ({reason})", fix="restore it, or create the study again") from None
    if hashlib.sha256(text.encode()).hexdigest() != info.design_sha256:
        raise DataError(
            f"{root / 'design.toml'}: was changed after the study was created",
            fix="a design is fixed before the first rater: restore it, or create another study",
        )
    design = parse_design(text, str(root / "design.toml"))
    return StudyData(root, info, design, text, {s.stimulus: s for s in stimuli}, make_boards(design, stimuli), key)


def refuse_missing_media(study: StudyData) -> None:
    """Before serving: every file a rater may be shown is there, as it was made. Raises DataError naming the first."""
    wanted = _shown(study.stimuli.values())
    missing = [path for path in wanted if not (study.folder / path).is_file()]
    if missing:
        names = ", ".join(missing[:4])
        raise DataError(
            f"{study.folder}: {len(missing)} of {len(wanted)} media files are missing ({names})",
            fix="restore the folder from its copy, or create the study again",
        )
    known = study.info.media_sha256
    changed = [path for path in wanted if path in known and _fingerprint(study.folder / path) != known[path]]
    if changed:
        names = ", ".join(changed[:4])
        raise DataError(
            f"{study.folder}: {len(changed)} of {len(wanted)} media files are not what they were when the study was "
            f"made ({names}): raters could be shown something else, or nothing",
            fix="restore the folder from its copy, or create the study again",
        )


def _shown(stimuli: Iterable[Stimulus]) -> list[str]:
    """Every file that a rater may be shown, relative to the folder."""
    return [path for s in stimuli for path in (s.media, s.reference) if path] + [
        check_clip(beeps, shape) for beeps in BEEPS for shape in SHAPES
    ]


def _fingerprint(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_clip(beeps: int, shape: str) -> str:
    """The sound and picture check's clip, relative to the folder."""
    return f"check/{beeps}-{shape}.mp4"


def _write_check_clips(folder: Path) -> None:
    folder.mkdir()
    for shape in SHAPES:
        pictures = np.repeat(_shape(shape)[None], round(3.0 * CHECK_FPS), axis=0)
        for beeps in BEEPS:
            target = folder / f"{beeps}-{shape}.mp4"
            media.write_video(target, pictures, CHECK_FPS, _beeps(beeps), CHECK_RATE, crf=28)


def _beeps(count: int) -> NDArray[np.float32]:
    """3 s with `count` tones of 660 Hz, 0.25 s long, 0.55 s apart; soft edges, so that they do not click."""
    sound = np.zeros(3 * CHECK_RATE, np.float32)
    length = CHECK_RATE // 4
    time = np.arange(length) / CHECK_RATE
    tone = 0.35 * np.sin(2 * np.pi * 660 * time) * np.minimum(1, 40 * np.minimum(time, time[::-1]))
    for beep in range(count):
        start = round((0.1 + 0.55 * beep) * CHECK_RATE)
        sound[start : start + length] += tone.astype(np.float32)
    return sound


def _shape(name: str) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:CHECK_SIZE, 0:CHECK_SIZE] / CHECK_SIZE - 0.5
    inside = {
        "circle": x**2 + y**2 < 0.28**2,
        "square": np.maximum(abs(x), abs(y)) < 0.25,
        "triangle": (y < 0.24) & (y > -0.28 + 2 * abs(x) * 0.93),
    }[name]
    picture = np.full((CHECK_SIZE, CHECK_SIZE, 3), (28, 33, 40), np.uint8)
    picture[inside] = (236, 190, 84)
    return picture
