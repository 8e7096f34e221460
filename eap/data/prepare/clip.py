"""Preparing one clip: look at it once, say why it cannot be used or where to cut, go through it again and write."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eap import media
from eap.constants import FPS, RATE
from eap.data.clip import Clip
from eap.data.prepare import cropping, plan
from eap.data.prepare.cropping import Matrix
from eap.data.prepare.finding import Finder, Place
from eap.data.prepare.labels import FaceLabels, Labeller, save_labels, smoothed
from eap.data.prepare.plan import Piece, Settings, Tools, file_of
from eap.data.prepare.sound import SoundCursor, SoundFacts, sound_facts
from eap.data.prepare.thumbs import save_thumbs
from eap.data.prepare.tracking import DARK, Survey, Track, framed, pieces, survey, tracks
from eap.data.truth import load_truth, save_truth
from eap.errors import DataError, EapError, MediaError

COVERAGE: Final = 0.8
"""Part of a short clip in which its face must be followed; of long videos what there is is taken."""
UNEVEN: Final = 0.2
"""Part of the longer by which sound and picture may differ in length (or half a second)."""
SILENT: Final = 1e-3
ALIVE: Final = 0.6
STILL: Final = 2.0
"""A picture stands still where fewer frames than `ALIVE` differ from the one before, and none by more than `STILL`:
codecs refine a still image for a few frames (x264: .4 of them, by 1.3 at most)."""
_CHUNK: Final = 8


class OutputError(DataError):
    """The prepared folder cannot be written: ends the preparation, for the next clip would fail as well."""

    exit_code = 3


@dataclass(frozen=True)
class Order:
    """One clip to prepare; everything a worker process must know."""

    clip: Clip
    root: Path
    out: Path
    settings: Settings
    tools: Tools


@dataclass(frozen=True)
class Prepared:
    """What became of a clip: its parts, or the reason why there are none. looks, found: frames in which a face was
    looked for, and found. faces: most faces in one frame. frames: of the source at 25 fps. thumbs: pictures kept."""

    clip: str
    pieces: tuple[Piece, ...] = ()
    reason: str = ""
    looks: int = 0
    found: int = 0
    faces: int = 0
    frames: int = 0
    thumbs: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it stands in the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> Prepared:
        """From the journal. Raises TypeError or KeyError for another object."""
        return cls(**{**line, "pieces": tuple(Piece(**piece) for piece in line["pieces"])})


@lru_cache(maxsize=8)
def _made(factory: Callable[[], Any]) -> Any:
    """One finder and one reader in each process: their networks load once."""
    return factory()


def prepare_clip(order: Order) -> Prepared:
    """Write the parts of one clip, or say why not (and keep small pictures of it).

    Raises OutputError when the folder cannot be written, WeightsError when a network cannot be had: no next clip would
    fare better. Every other failure is the clip's own and becomes its reason.
    """
    finder: Finder = _made(order.tools.finder)
    labeller: Labeller = _made(order.tools.labeller)
    try:
        return _prepare(order, finder, labeller)
    except (MediaError, DataError) as error:
        if isinstance(error, OutputError):
            raise
        reason = error.message.removeprefix(f"{order.clip.video}: ")
    except (ValueError, ArithmeticError, MemoryError, LookupError) as error:
        reason = f"{type(error).__name__} while it was prepared: {' '.join(str(error).split())}"[:300]
    return _rejected(order, Prepared(order.clip.id, reason=reason))


def _prepare(order: Order, finder: Finder, labeller: Labeller) -> Prepared:
    clip, settings = order.clip, order.settings
    sound = sound_facts(clip.sound)
    seen = survey(clip.video, finder, settings.every)
    facts = Prepared(clip.id, (), "", len(seen.looks), seen.found, seen.faces, seen.n_frames)
    parts = _parts(seen, sound, settings)
    if reason := why_not(seen, sound, parts, settings):
        return _rejected(order, replace(facts, reason=reason))
    named = plan.piece_names(clip, order.root, [(first, stop) for _, first, stop in parts])
    places = [track.place(first, stop) for track, first, stop in parts]
    cursor = SoundCursor(clip.sound)
    for piece, place, frames in zip(named, places, _windows(clip.video, named), strict=True):
        _write(order, labeller, piece, place, frames, cursor.take(piece.first, piece.first + piece.frames), seen)
    return replace(facts, pieces=tuple(named))


def _parts(seen: Survey, sound: SoundFacts, settings: Settings) -> list[tuple[Track, int, int]]:
    """(track, first, stop) of all parts, in order of time; nothing beyond the sound, no face that is too small."""
    found = []
    for track in tracks(seen):
        if track.place(track.first, track.stop).face < settings.smallest:
            continue
        heard = replace(track, stop=min(track.stop, sound.whole_frames))
        cut = pieces(heard, settings.longest_frames, settings.shortest_frames)
        found += [(track, first, stop) for first, stop in cut]
    return found


def why_not(seen: Survey, sound: SoundFacts, parts: Sequence[tuple[Track, int, int]], settings: Settings) -> str:
    """Why a clip is not used, in words; '' when it is."""
    seconds = seen.n_frames / FPS
    if seen.brightest < DARK:
        return "the picture is black"
    if sound.loudest < SILENT:
        return "its sound is silence"
    if abs(sound.seconds - seconds) > max(0.5, UNEVEN * max(sound.seconds, seconds)):
        return f"sound of {sound.seconds:.2f} s for a picture of {seconds:.2f} s"
    if seen.n_frames < settings.shortest_frames:
        return f"only {seconds:.2f} s long, {settings.shortest:g} s are the least"
    if not seen.found:
        return f"no face found in {len(seen.looks)} looks at {seen.n_frames} frames"
    if seen.liveliest < STILL and seen.moved < ALIVE * (seen.n_frames - 1):
        return "the picture stands still: one image for the whole clip"
    followed = tracks(seen)
    largest = max(track.place(track.first, track.stop).face for track in followed)
    if largest < settings.smallest:
        return f"its face is only {largest:.0f} pixels wide, {settings.smallest} are the least"
    covered = sum(stop - first for _, first, stop in parts)
    short = seen.n_frames <= settings.longest_frames
    if not parts or (short and covered < COVERAGE * min(seen.n_frames, sound.whole_frames)):
        longest = max(track.stop - track.first for track in followed) / FPS
        return f"one face can be followed for {longest:.2f} s of {seconds:.2f} s at most"
    return ""


def _windows(video: Path, parts: Sequence[Piece]) -> Iterator[Iterator[NDArray[np.uint8]]]:
    """For every part its frames, one by one; each part must be used up before the next is asked for."""
    source = (frame for block in media.read_frames(video, chunk=_CHUNK) for frame in block)
    at = 0
    for part in parts:
        deque(islice(source, part.first - at), maxlen=0)
        yield islice(source, part.frames)
        at = part.first + part.frames


def _write(
    order: Order, labeller: Labeller, piece: Piece, place: Place, frames: Iterator[NDArray[np.uint8]],
    sound: NDArray[np.float32], seen: Survey,
) -> None:  # fmt: skip
    """Crop, read and write one part; the video last."""
    crops, matrix = _crops(order.settings, labeller, place, frames, seen)
    read = labeller.read(crops)
    labels = FaceLabels(read.landmarks, smoothed(read.affect), read.emotion)
    out = order.out
    try:
        for kind in (plan.CLIPS, plan.SOUND, plan.LABELS):
            file_of(out, kind, piece.path, "").parent.mkdir(parents=True, exist_ok=True)
        media.write_audio(file_of(out, plan.SOUND, piece.path, ".wav"), sound, RATE)
        save_labels(file_of(out, plan.LABELS, piece.path, ".npz"), labels, matrix, piece.first, labeller.name)
        _carry_truth(order, piece, matrix, seen.n_frames)
        video = file_of(out, plan.CLIPS, piece.path, ".mp4")
        media.write_video(video, crops, FPS, audio=sound, rate=RATE, crf=order.settings.crf)
    except (OSError, MediaError) as error:
        said = error.message if isinstance(error, EapError) else f"{out}: {error.strerror or error}"
        raise OutputError(said, fix="free disk space and run the same command again: it goes on") from error


def _crops(
    settings: Settings, labeller: Labeller, place: Place, frames: Iterator[NDArray[np.uint8]], seen: Survey
) -> tuple[NDArray[np.uint8], Matrix]:
    """(T, S, S, 3) and the matrix from source to crop pixels."""
    size = settings.size
    if settings.crop == "fixed":
        whole = framed(place, seen.width, seen.height)
        box = (0, 0, min(seen.width, seen.height)) if whole else cropping.whole_pixels(place)
        return np.stack([cropping.cut(frame, box, size) for frame in frames]), cropping.box_matrix(box, size)
    edge = round(size * cropping.MARGIN)
    wide_size = size + 2 * edge
    box = cropping.whole_pixels(cropping.widened(place))
    wide = np.stack([cropping.cut(frame, box, wide_size) for frame in frames])
    first = labeller.read(wide[:, edge : edge + size, edge : edge + size])
    if not first.seen.any():
        raise DataError(f"{labeller.name} reads no face in the crops", fix="choose --crop fixed, or other labels")
    crops, matrix = cropping.align(wide, first.landmarks * size + edge, size)
    return crops, cropping.joined(matrix, cropping.box_matrix(box, wide_size))


def _carry_truth(order: Order, piece: Piece, matrix: Matrix, n_frames: int) -> None:
    """Exact truth of the embedded world goes along, its landmarks moved into the crop."""
    if order.clip.truth is None:
        return
    truth = load_truth(order.clip.truth)
    if len(truth) != n_frames or truth.fps != FPS:
        return
    rows = slice(piece.first, piece.first + piece.frames)
    part = {
        name: getattr(truth, name)[rows]
        for name in ("alpha", "valence", "arousal", "au", "phoneme", "viseme", "head", "f0")
    }
    moved = cropping.moved(truth.landmarks[rows], matrix)
    save_truth(file_of(order.out, plan.CLIPS, piece.path, plan.TRUTH_SUFFIX), replace(truth, landmarks=moved, **part))


def _rejected(order: Order, facts: Prepared) -> Prepared:
    kept = save_thumbs(order.clip.video, order.out / plan.REPORT / "thumbs", order.clip.id)
    return replace(facts, thumbs=kept)
