"""One page to look at the embedded world: people, emotions, mouths, a clip over its intensity, voices, wild clips.

`write_gallery` writes index.html, which holds its pictures, sounds and films itself and needs no network, and the
contact sheets of `eap.synth.sheet` as PNG beside it. The same arguments give the same pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eap.constants import EMOTIONS, FPS, LEVELS, RATE, VIEWS
from eap.errors import DataError
from eap.files import atomic_write
from eap.synth.affect import AFFECTS, LEVEL_PEAKS
from eap.synth.clip import ClipSpec, WorldClip, identity_name, is_female, render_clip
from eap.synth.embed import audio_uri, jpeg_uri, png_uri, video_uri
from eap.synth.phonemes import PHONEMES
from eap.synth.sentences import sentence
from eap.synth.spectrogram import spectrogram
from eap.synth.stills import still

_TEMPLATES = Path(__file__).parent / "templates"
_MOUTHS = {
    "sil": "(silence)", "aa": "father", "iy": "meeting", "eh": "letter", "uw": "moved", "ow": "home", "p": "people",
    "m": "mother", "f": "found", "th": "author", "t": "took", "l": "lost", "s": "sold", "sh": "fish", "w": "window",
    "r": "river",
}  # fmt: skip
"""Phonemes shown, each with a word of the sentences that holds it."""
_MOUTH_EMOTIONS = ("neutral", "happy", "disgusted")
_FRAMES_OF_STRIP = 12
_WILD = 8
_MOST_PEOPLE = 60


@dataclass(frozen=True)
class Tile:
    """A picture with its words: data URI, caption, what it shows for those who do not see it."""

    source: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Group:
    """A row or grid of tiles with a title."""

    title: str
    tiles: tuple[Tile, ...]


def _name(identity: int) -> str:
    return identity_name(identity)


def _faces(identities: Sequence[int], size: int) -> Group:
    tiles = [Tile(jpeg_uri(still(who, size=size)[0]), _name(who), f"{_name(who)}, neutral") for who in identities]
    return Group("", tuple(tiles))


def _emotions(identity: int, size: int) -> Group:
    """Level by level, the eight emotions at the level's peak."""
    tiles = []
    for level in LEVELS:
        for emotion in EMOTIONS:
            alpha = 0.0 if emotion == "neutral" else LEVEL_PEAKS[level - 1]
            picture = still(identity, emotion, alpha, size=size)[0]
            words = emotion if emotion == "neutral" else f"{emotion} {level}"
            tiles.append(Tile(jpeg_uri(picture), words, f"{_name(identity)}, {words}"))
    return Group(_name(identity), tuple(tiles))


def _mouths(identity: int, emotion: str) -> Group:
    """Close-ups of the mouth for 16 phonemes, alpha .8."""
    tiles = []
    for symbol, word in _MOUTHS.items():
        alpha = 0.0 if emotion == "neutral" else 0.8
        picture, landmarks = still(identity, emotion, alpha, mouth=PHONEMES[symbol].mouth, size=256)
        cut = _around(picture, landmarks[48:68].mean(axis=0), 96)
        tiles.append(Tile(jpeg_uri(cut), f"{symbol} · {word}", f"mouth of {symbol} as in {word}, {emotion}"))
    return Group(emotion, tuple(tiles))


def _around(picture: np.ndarray, centre: np.ndarray, side: int) -> np.ndarray:
    """A square cut-out, moved inside the picture where it would leave it."""
    limit = picture.shape[0] - side
    left, top = (int(np.clip(round(float(at)) - side // 2, 0, limit)) for at in centre)
    return picture[top : top + side, left : left + side]


def _views(identity: int, size: int) -> Group:
    """The five cameras, with the true landmarks drawn in."""
    tiles = []
    for view in VIEWS:
        picture, landmarks = still(identity, "happy", 0.5, view=view, size=2 * size)
        tiles.append(Tile(jpeg_uri(_dotted(picture, landmarks)), view, f"{_name(identity)} from {view}, landmarks"))
    return Group("", tuple(tiles))


def _dotted(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    marked = picture.copy()
    for x, y in np.floor(landmarks).astype(int):
        marked[max(0, y - 1) : y + 1, max(0, x - 1) : x + 1] = (60, 230, 255)
    return marked


def _wild(identities: Sequence[int], number: int, size: int, seed: int) -> Group:
    tiles = []
    for index in range(_WILD):
        who, emotion = identities[index % len(identities)], EMOTIONS[index % len(EMOTIONS)]
        level = 1 if emotion == "neutral" else 3
        spec = ClipSpec(who, emotion, level, number, take=index, seconds=1 / FPS, wild=True, seed=seed)
        tiles.append(Tile(jpeg_uri(_frames(render_clip(spec, size=size))[0]), _name(who), f"{_name(who)} in the wild"))
    return Group("", tuple(tiles))


def _frames(clip: WorldClip) -> np.ndarray:
    if clip.frames is None:
        raise AssertionError("render_clip drew no frames")
    return clip.frames


def _course(values: np.ndarray, height: float = 100.0) -> str:
    """Values in 0..1 over frames as an SVG path in a box of width len(values); a gap where a value is NaN."""
    steps, pen = [], "M"
    for frame, value in enumerate(values):
        if np.isnan(value):
            pen = "M"
            continue
        steps.append(f"{pen}{frame + 0.5:g} {height * (1 - value):.1f}")
        pen = "L"
    return "".join(steps)


def _phones(truth_phonemes: np.ndarray) -> list[dict[str, Any]]:
    """Runs of one phoneme: symbol (none in silence) and length in frames."""
    runs: list[dict[str, Any]] = []
    for symbol in ("" if name == "sil" else str(name) for name in truth_phonemes):
        if runs and runs[-1]["symbol"] == symbol:
            runs[-1]["length"] += 1
        else:
            runs.append({"symbol": symbol, "length": 1})
    return runs


def _clip(identity: int, number: int, size: int, seed: int) -> dict[str, Any]:
    """One clip and its neutral twin: films, a strip of frames, the course of intensity and pitch, phones."""
    emotion = "happy"
    clip = render_clip(ClipSpec(identity, emotion, 3, number, seed=seed), size=size, twin=True)
    frames, truth = _frames(clip), clip.truth
    if clip.twin_frames is None or clip.twin_audio is None:
        raise AssertionError("render_clip made no twin")
    shown = np.floor((np.arange(_FRAMES_OF_STRIP) + 0.5) / _FRAMES_OF_STRIP * len(truth)).astype(int)
    strip = [
        Tile(jpeg_uri(frames[at]), f"{truth.alpha[at]:.2f}", f"frame {at}, intensity {truth.alpha[at]:.2f}")
        for at in shown
    ]
    pitch = np.where(truth.f0 > 0, np.clip(truth.f0 / 500, 0, 1), np.nan)
    return {
        "title": f"{_name(identity)}, {emotion}, level 3",
        "text": sentence(number).text,
        "film": video_uri(frames, clip.audio),
        "twin": video_uri(clip.twin_frames, clip.twin_audio),
        "strip": strip,
        "frames": len(truth),
        "alpha": _course(truth.alpha),
        "pitch": _course(pitch),
        "phones": _phones(truth.phoneme),
        "course": {
            "values": [round(float(value), 3) for value in truth.alpha],
            "symbols": [str(symbol) for symbol in truth.phoneme],
            "fps": FPS,
        },
    }


def _voice(identity: int, emotion: str, number: int, seed: int) -> dict[str, Any]:
    """One emotion said: sound, spectrogram, pitch and intensity over it."""
    clip = render_clip(ClipSpec(identity, emotion, 1 if emotion == "neutral" else 3, number, seed=seed), frames=False)
    truth = clip.truth
    pitch = np.where(truth.f0 > 0, np.clip(truth.f0 / 500, 0, 1), np.nan)
    return {
        "emotion": emotion,
        "who": _name(identity),
        "sound": audio_uri(clip.audio),
        "picture": png_uri(spectrogram(clip.audio, RATE)),
        "frames": len(truth),
        "alpha": _course(truth.alpha),
        "pitch": _course(pitch),
        "anchor": f"V {AFFECTS[emotion].valence:+.2f} A {AFFECTS[emotion].arousal:+.2f}",
    }


def _pair(identities: Sequence[int]) -> tuple[int, int]:
    """A woman and a man of the people given, or the first two (or the same one twice)."""
    women = [who for who in identities if is_female(who)]
    men = [who for who in identities if not is_female(who)]
    if women and men:
        return women[0], men[0]
    return identities[0], identities[min(1, len(identities) - 1)]


def build_page(
    identities: Sequence[int],
    *,
    size: int = 128,
    seed: int = 0,
    number: int = 203,
    command: str = "",
    sheets: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> str:
    """The page as HTML. Raises DataError when nobody is to be shown."""
    if not identities:
        raise DataError("a gallery of nobody", fix="give at least one identity")
    import jinja2

    told = progress or (lambda _: None)
    woman, man = _pair(identities)
    content: dict[str, Any] = {}
    parts: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("people", lambda: _faces(identities[:_MOST_PEOPLE], size)),
        ("emotions", lambda: [_emotions(who, size) for who in dict.fromkeys((woman, man))]),
        ("mouths", lambda: [_mouths(woman, emotion) for emotion in _MOUTH_EMOTIONS]),
        ("views", lambda: _views(man, size)),
        ("clip", lambda: _clip(woman, number, max(size, 192), seed)),
        ("voices", lambda: [_voice(man, emotion, number, seed) for emotion in EMOTIONS]),
        ("wild", lambda: _wild(identities, number, size, seed)),
    )
    for name, make in parts:
        told(name)
        content[name] = make()
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    pages = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return pages.get_template("gallery.html").render(
        content, size=size, seed=seed, command=command, sheets=sheets, levels=LEVEL_PEAKS
    )


def write_gallery(
    folder: Path | str,
    identities: Sequence[int],
    *,
    size: int = 128,
    seed: int = 0,
    command: str = "",
    sheets: bool = True,
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write index.html and, with ``sheets``, the PNG contact sheets; returns the files, the page first.

    ``progress`` is told what is drawn next. Raises DataError for no identities, a folder that is a file, or one that
    cannot be written.
    """
    from eap.synth.sheet import write_sheets

    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file, not a folder", fix="choose another folder for the gallery")
    told = progress or (lambda _: None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = write_sheets(folder, lambda path: told(path.name)) if sheets else []
        page = build_page(
            identities, size=size, seed=seed, command=command, sheets=[path.name for path in drawn], progress=told
        )
        with atomic_write(folder / "index.html", "w") as stream:
            stream.write(page)
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror or error}", fix="check the folder and the free space") from error
    return [folder / "index.html", *drawn]
