"""A picture of the bundled talkers for docs/model.md: three unseen people, all emotions, both kinds of reference.

    python -m benchmarks.evidence.model_sheet        -> docs/images/model-*.png, a minute or two on one core

Every column is one clip of the embedded world at its moment of strongest expression: the true frame, then what each row
of the benchmark makes of the reference image (first column) and the clip's voice at the same moment.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fingerprint import ROOT
from eap.constants import EMOTIONS, MODEL_SIZE
from eap.inference import Model
from eap.synth.clip import ClipSpec, WorldClip, render_clip, render_moments
from eap.synth.sheet import grid_figure, save_figure

FOLDER = ROOT / "docs" / "images"
PEOPLE = (2001, 2004, 2006)
ROWS = ("eap", "no-neutralization", "no-intensity")
REFERENCES = ("neutral", "angry")
SENTENCE = 231


@dataclass(frozen=True)
class Line:
    """A row of the sheet: what it shows, and a picture (S,S,3) per column."""

    title: str
    pictures: list[np.ndarray]


def lines(person: int) -> list[Line]:
    """The truth, then each row from each reference; a line begins with its reference (the truth's: blank)."""
    clips = [_clip(person, emotion) for emotion in EMOTIONS]
    peaks = [int(clip.truth.alpha.argmax()) for clip in clips]
    blank = np.full((MODEL_SIZE, MODEL_SIZE, 3), 255, np.uint8)
    out = [Line("ground truth", [blank, *(_frames(clip)[peak] for clip, peak in zip(clips, peaks, strict=True))])]
    models = {name: Model.from_bundle(name) for name in ROWS}
    for emotion in REFERENCES:
        image = _reference(person, emotion)
        for name, model in models.items():
            drawn = [model.generate(image, clip.audio).frames[peak] for clip, peak in zip(clips, peaks, strict=True)]
            out.append(Line(f"{name}\n{emotion} reference", [image, *drawn]))
    return out


def _clip(person: int, emotion: str) -> WorldClip:
    return render_clip(ClipSpec(person, emotion, 1 if emotion == "neutral" else 3, SENTENCE), size=MODEL_SIZE)


def _frames(clip: WorldClip) -> np.ndarray:
    if clip.frames is None:
        raise AssertionError("the clip was rendered with its frames")
    return clip.frames


def _reference(person: int, emotion: str) -> np.ndarray:
    seen = render_moments(ClipSpec(person, emotion, 1 if emotion == "neutral" else 3, 250), 8, size=MODEL_SIZE)
    picture: np.ndarray = seen.frames[int(seen.affect[:, 0].argmax())]
    return picture


def draw(sheet: list[Line], path: Path) -> None:
    """Write the lines as one PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures, titles = [line.pictures for line in sheet], [line.title for line in sheet]
    save_figure(grid_figure(pictures, ("reference", *EMOTIONS), titles, left=130), path)


def main() -> None:
    """Draw the sheets, one per person."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the pictures (default docs/images)")
    parser.add_argument("--people", type=int, nargs="+", default=list(PEOPLE))
    args = parser.parse_args()
    for person in args.people:
        path = args.out / f"model-{person}.png"
        draw(lines(person), path)
        print(path)


if __name__ == "__main__":
    main()
