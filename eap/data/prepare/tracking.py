"""Following one face through a video with few looks, and the stretches of frames that can be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eap import media
from eap.data.faces import FRAMED, SEARCH_SIDE
from eap.data.prepare.finding import Finder, Frame, Place, Sight, overlap

CUT: Final = 40.0
"""Mean jump of brightness (0-255, in a picture of 24 x 24) that is taken for a cut between shots."""
MAX_MISSED: Final = 12
"""Frames for which a followed face may be out of sight (half a second)."""
SAME_FACE: Final = 0.3
"""Overlap of two looks that are still of one face."""
REPEATED: Final = 0.5
"""Largest change of brightness (in the same picture) below which a frame repeats the one before."""
DARK: Final = 4.0
_CHUNK: Final = 8


@dataclass(frozen=True)
class Look:
    """One frame in which a face was looked for."""

    frame: int
    sight: Sight | None


@dataclass(frozen=True)
class Survey:
    """A first pass over a video at 25 fps. Places are in pixels of the full picture, ``width`` x ``height``."""

    n_frames: int
    width: int
    height: int
    looks: tuple[Look, ...]
    cuts: tuple[int, ...]
    """First frames of later shots."""
    brightest: float
    """Mean brightness of the brightest frame, 0-255."""
    moved: int
    """Frames that differ from the one before."""
    liveliest: float
    """Largest change of brightness anywhere from one frame to the next, 0-255."""

    @property
    def found(self) -> int:
        """Looks that found a face."""
        return sum(look.sight is not None for look in self.looks)

    @property
    def faces(self) -> int:
        """Most faces seen in one look."""
        return max((look.sight.faces for look in self.looks if look.sight is not None), default=0)


@dataclass(frozen=True)
class Track:
    """One face in frames [first, stop) of one shot; ``looks`` are those that found it."""

    first: int
    stop: int
    looks: tuple[Look, ...]

    def place(self, first: int, stop: int) -> Place:
        """Median square of the looks in [first, stop), of the nearest look where there is none."""
        inside = [look for look in self.looks if first <= look.frame < stop]
        middle = (first + stop) / 2
        chosen = inside or [min(self.looks, key=lambda look: abs(look.frame - middle))]
        return Place(
            *(float(value) for value in np.median([look.sight.place for look in chosen if look.sight], axis=0))
        )


def survey(video: Path, finder: Finder, every: int) -> Survey:
    """Look for a face in every ``every``-th frame, near where it was; in each frame while it is lost.

    Memory does not grow with the video. Raises MediaError where it cannot be decoded to its end.
    """
    info = media.probe(video)
    scale = max(1.0, min(info.width, info.height) / SEARCH_SIDE)
    looks: list[Look] = []
    cuts: list[int] = []
    near: Place | None = None
    thumb: NDArray[np.float32] | None = None
    brightest = liveliest = 0.0
    index, moved, lost = -1, 0, False
    frame: Frame | None = None
    for index, frame in enumerate(_small_frames(video)):
        small = _thumb(frame)
        jumps = np.zeros(1) if thumb is None else np.abs(small - thumb)
        change, most = float(jumps.mean()), float(jumps.max())
        moved += most > REPEATED
        brightest, liveliest, thumb = max(brightest, float(small.mean())), max(liveliest, most), small
        if change > CUT:
            cuts.append(index)
            near = None
        if index % every == 0 or lost or change > CUT:
            look = _look(finder, frame, near, index)
            looks.append(look)
            lost = look.sight is None
            near = look.sight.place if look.sight is not None else (None if _lost_long(looks) else near)
    if frame is not None and looks[-1].frame != index:
        looks.append(_look(finder, frame, near, index))
    full = tuple(Look(k.frame, k.sight and Sight(k.sight.place.scaled(scale), k.sight.faces)) for k in looks)
    return Survey(index + 1, info.width, info.height, full, tuple(cuts), brightest, moved, liveliest)


def tracks(seen: Survey) -> list[Track]:
    """The stretches in which one face was followed: broken at cuts, where it is lost, and where another one is seen."""
    found: list[Track] = []
    held: list[Look] = []
    for look in seen.looks:
        if look.sight is None:
            continue
        if held and _breaks(held[-1], look, seen.cuts):
            found.append(_track(held))
            held = []
        held.append(look)
    return [*found, _track(held)] if held else found


def pieces(track: Track, longest: int, shortest: int) -> list[tuple[int, int]]:
    """[first, stop) of equal parts of a track of at most ``longest`` frames; none when it is below ``shortest``."""
    length = track.stop - track.first
    if length < shortest:
        return []
    parts = -(-length // longest)
    edges = [track.first + length * k // parts for k in range(parts + 1)]
    return list(pairwise(edges))


def framed(place: Place, width: int, height: int) -> bool:
    """Whether the picture is square and the face fills it already, as in clips that were cropped before."""
    longer, shorter = max(width, height), min(width, height)
    return longer <= 1.02 * shorter and place.face >= FRAMED * longer


def _small_frames(video: Path) -> Iterator[Frame]:
    for block in media.read_frames(video, chunk=_CHUNK, shorter=SEARCH_SIDE):
        yield from block


def _thumb(frame: Frame) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.resize(frame, (24, 24), interpolation=cv2.INTER_AREA).mean(axis=2), np.float32)


def _look(finder: Finder, frame: Frame, near: Place | None, index: int) -> Look:
    sight = finder.look(frame, near) if near is not None else None
    return Look(index, sight or finder.look(frame, None))


def _lost_long(looks: Sequence[Look]) -> bool:
    last = next((look.frame for look in reversed(looks) if look.sight is not None), None)
    return last is None or looks[-1].frame - last > MAX_MISSED


def _breaks(before: Look, after: Look, cuts: Sequence[int]) -> bool:
    if before.sight is None or after.sight is None:
        return True
    if after.frame - before.frame > MAX_MISSED or any(before.frame < cut <= after.frame for cut in cuts):
        return True
    return overlap(before.sight.place, after.sight.place) < SAME_FACE


def _track(held: Sequence[Look]) -> Track:
    return Track(held[0].frame, held[-1].frame + 1, tuple(held))
