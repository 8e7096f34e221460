"""Contact sheets of the embedded world, for looking: people, emotions, mouths, one clip over its intensity, voices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eap.constants import EMOTIONS, FPS, LEVELS, RATE
from eap.synth.affect import LEVEL_PEAKS
from eap.synth.clip import ClipSpec, WorldClip, identity_name, render_clip
from eap.synth.phonemes import PHONEMES
from eap.synth.stills import still

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE = 128
_DPI = 100


def save_figure(figure: Figure, path: Path) -> Path:
    """Draw a figure into a PNG through eap.media."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from eap.media import write_image

    canvas: Any = FigureCanvasAgg(figure)  # matplotlib types only part of itself
    canvas.draw()
    write_image(path, np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return path


def grid_figure(
    rows: Sequence[Sequence[np.ndarray]], across: Sequence[str], down: Sequence[str], *, left: int = 90
) -> Figure:
    """Pictures of one size in a labelled grid, one screen pixel per picture pixel; ``left`` px for the row labels."""
    from matplotlib.figure import Figure

    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
    side = rows[0][0].shape[0]
    height, width = sheet.shape[:2]
    top = 30
    figure = Figure(figsize=((width + left) / _DPI, (height + top) / _DPI), dpi=_DPI)
    axes = figure.add_axes((left / (width + left), 0, width / (width + left), height / (height + top)))
    axes.imshow(sheet, aspect="auto")
    axes.xaxis.tick_top()
    axes.set_xticks([side * (i + 0.5) for i in range(len(across))], across, fontsize=8)
    axes.set_yticks([side * (i + 0.5) for i in range(len(down))], down, fontsize=8)
    axes.tick_params(length=0)
    return figure


def identities_sheet(path: Path, identities: Sequence[int] = range(40), columns: int = 8) -> Path:
    """Neutral faces of many identities."""
    faces = [still(identity, size=_SIZE)[0] for identity in identities]
    while len(faces) % columns:
        faces.append(np.full_like(faces[0], 255))
    rows = [faces[start : start + columns] for start in range(0, len(faces), columns)]
    names = [identity_name(identity) for identity in identities][::columns]
    return save_figure(grid_figure(rows, [f"+{i}" for i in range(columns)], names), path)


def emotions_sheet(path: Path, identities: Sequence[int] = (0, 1, 2, 3)) -> Path:
    """Every emotion at the three level peaks, silent mouth."""
    rows = [
        [still(identity, emotion, LEVEL_PEAKS[level - 1], size=_SIZE)[0] for emotion in EMOTIONS]
        for identity in identities
        for level in LEVELS
    ]
    down = [f"{identity_name(identity)} level {level}" for identity in identities for level in LEVELS]
    return save_figure(grid_figure(rows, EMOTIONS, down), path)


def visemes_sheet(path: Path, identity: int = 0, emotions: Sequence[str] = ("neutral", "happy", "disgusted")) -> Path:
    """The mouth of every phoneme, under several emotions."""
    symbols = ("sil", "aa", "iy", "eh", "uw", "ow", "p", "m", "f", "th", "t", "l", "s", "sh", "w", "r")
    rows = [
        [still(identity, emotion, 0.8, mouth=PHONEMES[symbol].mouth, size=_SIZE)[0] for symbol in symbols]
        for emotion in emotions
    ]
    return save_figure(grid_figure(rows, symbols, list(emotions)), path)


def sequence_sheet(path: Path, specs: Sequence[ClipSpec], pictures: int = 12) -> Path:
    """Frames of clips over their intensity, each above its neutral twin."""
    rows, down = [], []
    for spec in specs:
        clip = render_clip(spec, size=_SIZE, twin=True)
        if clip.frames is None or clip.twin_frames is None:
            raise AssertionError("render_clip drew no frames")
        at = np.linspace(0, len(clip.truth) - 1, pictures).astype(int)
        rows += [list(clip.frames[at]), list(clip.twin_frames[at])]
        peak = " ".join(f"{alpha:.1f}"[-2:] for alpha in clip.truth.alpha[at])
        down += [f"{spec.emotion} {spec.level}\n{peak[:17]}\n{peak[18:]}", "twin"]
    return save_figure(grid_figure(rows, [str(index) for index in range(pictures)], down), path)


def spectrogram_sheet(path: Path, identities: Sequence[int] = (0, 1), level: int = 3, number: int = 7) -> Path:
    """Spectrograms of one sentence in every emotion, with F0 (dots, 0-500 Hz) and alpha (line)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 22), dpi=70)
    panels = figure.subplots(len(EMOTIONS), len(identities), squeeze=False)
    for row, emotion in enumerate(EMOTIONS):
        for column, identity in enumerate(identities):
            spec = ClipSpec(identity, emotion, 1 if emotion == "neutral" else level, number)
            clip = render_clip(spec, frames=False)
            axes: Any = panels[row, column]
            axes.specgram(clip.audio, NFFT=512, noverlap=400, Fs=RATE, cmap="magma", vmin=-140, vmax=-40)
            axes.set_title(f"{identity_name(identity)} {emotion}", fontsize=9)
            axes.set_xlim(0, 3.6)
            over = axes.twinx()
            time = (np.arange(len(clip.truth)) + 0.5) / FPS
            over.plot(time, clip.truth.alpha, color="cyan")
            over.plot(time, np.where(clip.truth.f0 > 0, clip.truth.f0 / 500, np.nan), "w.")
            over.set_ylim(0, 1)
    figure.tight_layout()
    return save_figure(figure, path)


def intensity_sheet(path: Path, identity: int = 0, count: int = 5) -> Path:
    """Alpha over time of several sentences at the three levels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 8), dpi=70)
    panels = figure.subplots(len(LEVELS), count, squeeze=False)
    for row, level in enumerate(LEVELS):
        for number in range(count):
            clip: WorldClip = render_clip(ClipSpec(identity, "happy", level, number), frames=False)
            axes = panels[row, number]
            axes.plot(clip.truth.alpha)
            axes.set_ylim(0, 1)
            axes.set_title(f"sentence {number}, level {level}", fontsize=8)
    figure.tight_layout()
    return save_figure(figure, path)


def write_sheets(folder: Path | str, progress: Callable[[Path], None] | None = None) -> list[Path]:
    """All sheets as PNG files in ``folder``; returns their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    clips = [ClipSpec(1, emotion, 3, 3) for emotion in ("angry", "happy", "fear", "contempt")]
    made = []
    sheets: tuple[Callable[[], Path], ...] = (
        lambda: identities_sheet(folder / "identities.png"),
        lambda: emotions_sheet(folder / "emotions.png"),
        lambda: visemes_sheet(folder / "visemes.png"),
        lambda: sequence_sheet(folder / "sequence.png", clips),
        lambda: spectrogram_sheet(folder / "spectrograms.png"),
        lambda: intensity_sheet(folder / "intensity.png"),
    )
    for draw in sheets:
        made.append(draw())
        if progress is not None:
            progress(made[-1])
    return made
