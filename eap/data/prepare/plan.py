"""What a preparation is told, and how the files of a prepared folder are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eap.constants import FPS, LEVELS
from eap.data.clip import Clip, clip_id
from eap.data.prepare.cropping import Crop
from eap.data.prepare.finding import Finder, cascade_finder
from eap.data.prepare.labels import Labeller, TeacherLabeller
from eap.errors import ConfigError

FORMAT = 1
CLIPS, SOUND, LABELS, ARRAYS, SHARDS, REPORT = "clips", "sound", "labels", "arrays", "shards", "report"
TRUTH_SUFFIX = ".truth.npz"


@dataclass(frozen=True)
class Settings:
    """size: side of the crops in pixels, even. every: a face is looked for in each of so many frames. seconds: longer
    clips are cut into equal parts of at most this. shortest: seconds below which a part is not used. smallest: pixels
    below which a face is too small. crf: quality of the crops' H.264 (0 is lossless)."""

    size: int = 256
    crop: Crop = "fixed"
    every: int = 5
    seconds: float = 10.0
    shortest: float = 0.8
    smallest: int = 48
    crf: int = 10

    def __post_init__(self) -> None:
        from eap.data.prepare.tracking import MAX_MISSED

        if self.size < 32 or self.size % 2:
            raise ConfigError(f"size {self.size}: crops have an even side of 32 pixels or more", fix="choose 96 or 256")
        if not 1 <= self.every <= MAX_MISSED:
            raise ConfigError(f"every {self.every} is outside 1 to {MAX_MISSED}", fix="leave it at 5")
        if not 1.0 <= self.seconds <= 60.0 or not 0.0 < self.shortest <= self.seconds / 2:
            raise ConfigError(
                f"parts of {self.shortest:g} to {self.seconds:g} s", fix="choose 1 to 60 s, and at most half of it"
            )

    @property
    def longest_frames(self) -> int:
        """Frames of the longest part."""
        return round(self.seconds * FPS)

    @property
    def shortest_frames(self) -> int:
        """Frames of the shortest part."""
        return max(round(self.shortest * FPS), 1)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the record."""
        return asdict(self)


@dataclass(frozen=True)
class Tools:
    """Who finds and who reads faces; both are made once in every process, on first use."""

    finder: Callable[[], Finder] = cascade_finder
    labeller: Callable[[], Labeller] = TeacherLabeller


@dataclass(frozen=True)
class Piece:
    """One prepared clip: frames [first, first + frames) of its source at 25 fps, at ``path`` below `clips/`, POSIX,
    without suffix."""

    id: str
    path: str
    sentence: str
    first: int
    frames: int


def piece_names(clip: Clip, root: Path, parts: list[tuple[int, int]]) -> list[Piece]:
    """Names of the parts of a clip: its own where there is one, else numbered so that layouts still read them."""
    base = clip.video.relative_to(root).with_suffix("").as_posix()
    found = []
    for number, (first, stop) in enumerate(parts):
        path, name, sentence = base, clip.id, clip.sentence
        if len(parts) > 1 and is_mead(clip):
            path, sentence = f"{base}{number:03d}", f"{clip.sentence}{number:03d}"
            name = clip_id(clip.identity, clip.view, str(clip.emotion), clip.level or LEVELS[0], sentence)
        elif len(parts) > 1:
            path, name = f"{base}.p{number:03d}", f"{clip.id}.p{number:03d}"
        found.append(Piece(name, path, sentence, first, stop - first))
    return found


def is_mead(clip: Clip) -> bool:
    """Whether a clip lies where MEAD's lie: its parts must then be called by numbers."""
    parts = clip.video.parts
    return (
        clip.emotion is not None
        and clip.level is not None
        and clip.sentence.isdigit()
        and parts[-4:-1] == (clip.view, clip.emotion, f"level_{clip.level}")
    )


def file_of(out: Path, kind: str, path: str, suffix: str) -> Path:
    """A file of a piece: ``file_of(out, CLIPS, piece.path, ".mp4")``."""
    return out / kind / f"{path}{suffix}"
