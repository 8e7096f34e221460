"""Making one clip: what a method does with its reference image."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.methods import load_method
from benchmarks.produce import _talk
from eap.errors import ConfigError


class Painter:
    """Neutralizes to black; talks by repeating what it is shown."""

    def generate(self, image: Any, audio: Any) -> Any:
        return SimpleNamespace(frames=np.repeat(image[None], 3, 0))

    def neutralize(self, image: Any) -> Any:
        return np.zeros((16, 16, 3), np.uint8)


def frames_of(name: str) -> tuple[list[str], Any]:
    asked: list[str] = []

    def load(weights: str) -> Painter:
        asked.append(weights)
        return Painter()

    task: Any = SimpleNamespace(method=load_method(name))
    return asked, _talk(task, np.full((32, 32, 3), 200, np.uint8), np.zeros(1920, np.float32), 3, load)


def test_neutralize_first_shows_the_method_a_neutral_image() -> None:
    asked, frames = frames_of("neutralize-first")
    assert asked == ["ant", "no-neutralization"]
    assert frames.shape == (3, 32, 32, 3), "clips keep the suite's size whatever size the neutral portrait has"
    assert not frames.any()


def test_other_methods_see_the_reference_image_itself() -> None:
    asked, frames = frames_of("no-neutralization")
    assert asked == ["no-neutralization"]
    assert (frames == 200).all()


def test_both_weights_belong_to_the_run() -> None:
    assert load_method("neutralize-first").all_weights == ("no-neutralization", "ant")
    assert load_method("still-image").all_weights == ()


def test_only_a_model_can_be_shown_a_neutralized_image(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('name = "bad"\ntitle = "Bad"\nkind = "still"\nneutralized_by = "ant"\ninputs = "-"\n')
    with pytest.raises(ConfigError, match="neutralized_by"):
        load_method(str(path))
