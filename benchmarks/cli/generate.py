"""``eap-bench generate`` and ``eap-bench neutralize``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli.common import PATH, Function, existing_file, json_option, note, print_json, writable_target
from eap.constants import EMOTIONS
from eap.errors import ConfigError

if TYPE_CHECKING:
    from eap.inference import Control, Written
    from eap.inference.framing import Portrait

NOTICE = (
    "note: the bundled weights were trained on the embedded world alone; "
    "on a real photograph they run, but the face they make has no likeness and no quality to judge"
)
OVERRIDDEN = "note: what the voice says about emotion is overridden: a stimulus, not a measurement of the model"
QUIET = 1e-3
"""Peak below which a voice counts as silent: -60 dB of full scale."""
CLIPPED = 0.001
"""Share of samples at full scale from which a voice is called clipped."""


def face_options(function: Function) -> Function:
    """Add ``--crop``, ``--face``, ``--full-frame`` and ``--bundle``."""
    options = (
        click.option(
            "--crop/--no-crop",
            default=True,
            show_default=True,
            help="Find the face and frame it, or take the centre as it is.",
        ),
        click.option(
            "--face", type=click.IntRange(1), default=1, show_default=True, help="Which face, the largest first."
        ),
        click.option("--full-frame", is_flag=True, help="Put the made face back into the whole picture."),
        click.option("--bundle", type=PATH, help="Folder of the weights.  [default: the package's own]"),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@click.option("--image", type=PATH, required=True, help="The face: any common image file.")
@click.option("--audio", type=PATH, required=True, help="The voice: an audio file, or a video with sound.")
@click.option("--out", type=PATH, required=True, help="The video to write (.mp4).")
@click.option("--weights", default="eap", show_default=True, help="See 'eap-bench weights list'.")
@click.option("--emotion", type=click.Choice(EMOTIONS), help="Show this emotion instead of the voice's own.")
@click.option("--intensity-scale", type=float, default=1.0, show_default=True, help="Multiplies the intensity.")
@click.option("--intensity-curve", type=PATH, help="CSV of 'seconds,intensity' instead of the voice's own intensity.")
@face_options
@json_option
def generate(
    image: Path,
    audio: Path,
    out: Path,
    weights: str,
    emotion: str | None,
    intensity_scale: float,
    intensity_curve: Path | None,
    crop: bool,
    face: int,
    full_frame: bool,
    bundle: Path | None,
    as_json: bool,
) -> None:
    """Make a talking face from one face image and a voice.

    The voice decides emotion and intensity; --emotion, --intensity-scale and --intensity-curve override it, for stimuli
    and demonstrations.

    \b
    Example:
      eap-bench generate --image face.png --audio voice.wav --out talking.mp4
      eap-bench generate --image group.jpg --audio voice.wav --out talking.mp4 --full-frame --face 2
      eap-bench generate --image face.png --audio voice.wav --out sad.mp4 --emotion sad --intensity-curve rise.csv
    """
    writable_target(out, (".mp4",))
    existing_file(image, "an image file")
    existing_file(audio, "an audio file, or a video with sound")
    _check_scale(intensity_scale)
    control = _control(emotion, intensity_scale, intensity_curve)
    portrait = _portrait(image, crop, face, full_frame)
    note(NOTICE)
    if control.overrides:
        note(OVERRIDDEN)
    from benchmarks.bundled import load_talker

    model = load_talker(weights, bundle)
    with _progress(as_json) as progress:
        made = model.write(out, portrait, audio, control=control, full_frame=full_frame, progress=progress)
    _judge_voice(audio, made)
    if as_json:
        print_json(_facts(made, portrait, weights))
    else:
        size = f"{made.width} x {made.height}"
        click.echo(f"{out}: {made.frames} frames of {size} at {made.fps:g} a second, with sound")


@click.command()
@click.option("--image", type=PATH, required=True, help="The face: any common image file.")
@click.option("--out", type=PATH, required=True, help="The image to write (.png, .jpg or .webp).")
@click.option("--weights", default="ant", show_default=True, help="See 'eap-bench weights list'.")
@face_options
@json_option
def neutralize(
    image: Path, out: Path, weights: str, crop: bool, face: int, full_frame: bool, bundle: Path | None, as_json: bool
) -> None:
    """Take the expression out of a face image.

    \b
    Example:
      eap-bench neutralize --image angry.png --out calm.png
      eap-bench neutralize --image photo.jpg --out calm.jpg --full-frame
    """
    writable_target(out, (".png", ".jpg", ".jpeg", ".webp"))
    existing_file(image, "an image file")
    from eap import media

    portrait = _portrait(image, crop, face, full_frame=False)
    note(NOTICE)
    from benchmarks.bundled import load_talker

    made = load_talker(weights, bundle).neutralize(portrait, full_frame=full_frame)
    media.write_image(out, made)
    height, width = made.shape[:2]
    if as_json:
        facts = {"out": str(out), "width": width, "height": height, "weights": weights}
        print_json(facts | _face_facts(portrait) | {"notice": NOTICE})
    else:
        click.echo(f"{out}: {width} x {height}")


def _portrait(path: Path, crop: bool, which: int, full_frame: bool) -> Portrait:
    """The picture and the face in it; says which one was taken where there are several."""
    from eap.inference.framing import portrait_of
    from eap.inference.model import LONGEST

    portrait = portrait_of(path, crop=crop, which=which, longest=LONGEST if full_frame else None)
    face = portrait.face
    if face is not None and face.found > 1:
        left, top, side = face.face
        which_one = "the largest" if face.taken == 1 else f"number {face.taken} by size"
        note(
            f"note: {face.found} faces in {path}; taken: {which_one}, {side} pixels wide at x {left}, y {top} (--face)"
        )
    return portrait


def _control(emotion: str | None, scale: float, curve: Path | None) -> Control:
    from eap.inference import Control, read_curve

    return Control(emotion, scale, None if curve is None else read_curve(curve))


def _judge_voice(audio: Path, made: Written) -> None:
    """Say where the voice can hardly be heard, or was cut off."""
    if made.peak < QUIET:
        note(f"note: {audio} is silent (loudest sample {made.peak:.1g} of full scale): the mouth has nothing to say")
    elif made.clipped >= CLIPPED:
        note(f"note: {audio} is clipped ({made.clipped:.1%} of its samples at full scale): record it more quietly")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error with the time that remains."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("drawing frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Where nobody watches, an idle bar would still leave an empty line.
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("frames", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _facts(made: Written, portrait: Portrait, weights: str) -> dict[str, Any]:
    least, mean, most = made.alpha
    return {
        "out": str(made.path),
        "frames": made.frames,
        "fps": made.fps,
        "seconds": made.frames / made.fps,
        "width": made.width,
        "height": made.height,
        "weights": weights,
        "alpha": {"least": least, "mean": mean, "most": most},
        "voice": {"peak": made.peak, "clipped": made.clipped},
        **_face_facts(portrait),
        "notice": NOTICE,
    }


def _face_facts(portrait: Portrait) -> dict[str, Any]:
    left, top, side = portrait.box
    found = None if portrait.face is None else portrait.face.found
    return {"faces_found": found, "crop": {"left": left, "top": top, "side": side}}


def _check_scale(scale: float) -> None:
    if not 0 <= scale <= 10:
        raise ConfigError(f"--intensity-scale is {scale}", fix="give a number from 0 to 10")
