"""``eap-bench generate`` and ``eap-bench neutralize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.common import PATH, existing_file, json_option, note, print_json, writable_target
from eap.constants import EMOTIONS
from eap.errors import ConfigError, MediaError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST = 16
"""Pixels on the shorter side below which no face can be read."""

NOTICE = (
    "note: the bundled weights were trained on the embedded world alone; "
    "on a real photograph they run, but the face they make has no likeness and no quality to judge"
)

crop_option = click.option(
    "--crop/--no-crop", default=True, show_default=True, help="Find the face and frame it, or take the centre as it is."
)


@click.command()
@click.option("--image", type=PATH, required=True, help="The face: any common image file.")
@click.option("--audio", type=PATH, required=True, help="The voice: an audio file, or a video with sound.")
@click.option("--out", type=PATH, required=True, help="The video to write (.mp4).")
@click.option("--weights", default="eap", show_default=True, help="See 'eap-bench weights list'.")
@click.option("--intensity-scale", type=float, default=1.0, show_default=True, help="Multiplies the intensity.")
@click.option("--emotion", type=click.Choice(EMOTIONS), help="Show this emotion instead of the voice's own.")
@crop_option
@json_option
def generate(
    image: Path,
    audio: Path,
    out: Path,
    weights: str,
    intensity_scale: float,
    emotion: str | None,
    crop: bool,
    as_json: bool,
) -> None:
    """Make a talking face from one face image and a voice.

    \b
    Example:
      eap-bench generate --image face.png --audio voice.wav --out talking.mp4
      eap-bench generate --image face.png --audio voice.wav --out calm.mp4 --intensity-scale 0.5
    """
    writable_target(out, (".mp4",))
    existing_file(image, "an image file")
    existing_file(audio, "an audio file, or a video with sound")
    _check_scale(intensity_scale)
    from eap import media
    from eap.constants import FPS, RATE

    picture = _read_face(image, crop)
    sound = media.read_audio(audio, RATE)
    if len(sound) < RATE // FPS:
        raise MediaError(f"{audio}: {len(sound) / RATE:.3f} s of sound, less than one frame", fix="give a longer voice")
    note(NOTICE)
    from benchmarks.bundled import load_talker

    made = load_talker(weights).generate(picture, sound, intensity_scale=intensity_scale, emotion=emotion)
    media.write_video(out, made.frames, fps=made.fps, audio=made.audio, rate=made.rate)
    height, width = made.frames.shape[1:3]
    if as_json:
        seconds = len(made.frames) / made.fps
        print_json({"out": str(out), "frames": len(made.frames), "fps": made.fps, "seconds": seconds,
                    "width": width, "height": height, "weights": weights, "notice": NOTICE})  # fmt: skip
    else:
        click.echo(f"{out}: {len(made.frames)} frames of {width} x {height} at {made.fps:g} a second, with sound")


@click.command()
@click.option("--image", type=PATH, required=True, help="The face: any common image file.")
@click.option("--out", type=PATH, required=True, help="The image to write (.png, .jpg or .webp).")
@click.option("--weights", default="ant", show_default=True, help="See 'eap-bench weights list'.")
@crop_option
@json_option
def neutralize(image: Path, out: Path, weights: str, crop: bool, as_json: bool) -> None:
    """Take the expression out of a face image.

    \b
    Example:
      eap-bench neutralize --image angry.png --out calm.png
    """
    writable_target(out, (".png", ".jpg", ".jpeg", ".webp"))
    existing_file(image, "an image file")
    from eap import media

    picture = _read_face(image, crop)
    note(NOTICE)
    from benchmarks.bundled import load_talker

    made = load_talker(weights).neutralize(picture)
    media.write_image(out, made)
    height, width = made.shape[:2]
    if as_json:
        print_json({"out": str(out), "width": width, "height": height, "weights": weights, "notice": NOTICE})
    else:
        click.echo(f"{out}: {width} x {height}")


def _read_face(path: Path, crop: bool) -> NDArray[np.uint8]:
    """The picture, framed around its largest face unless that is not wanted."""
    from eap import media

    picture = media.read_image(path)
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST:
        raise MediaError(f"{path}: {width} x {height} pixels, too small for a face", fix="give a larger image")
    if not crop:
        return picture
    from eap.data.faces import crop_face

    face = crop_face(picture, str(path))
    if face.found > 1:
        note(f"note: {face.found} faces in {path}; the largest is taken")
    return face.image


def _check_scale(scale: float) -> None:
    if not 0 <= scale <= 10:
        raise ConfigError(f"--intensity-scale is {scale}", fix="give a number from 0 to 10")
