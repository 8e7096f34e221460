"""The ported teachers: key by key the published architectures', and their outputs under weights that a recipe makes.

The numbers are those of face-alignment 1.5.0 (FAN with one stack), timm 1.0.31 (tf_efficientnet_b0, 10 outputs) and
torchvision 0.28.0 (vgg19) filled by ``benchmarks.evidence.recipe``; so are the hashes of their sorted keys and shapes.
With all four stacks, and at every tap, the difference was exactly 0.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmarks.evidence.recipe import recipe_state
from eap.errors import ConfigError, WeightsError
from eap.perception.official.efficientnet import HSEmotionB0
from eap.perception.official.fan import FAN, FanLandmarks, face_square, heatmap_points
from eap.perception.official.files import TEACHERS, refuse_accomplices
from eap.perception.official.loading import load_strictly
from eap.perception.official.teacher import (
    PublishedTeacher,
    TeacherRecord,
    load_published,
    refuse_same_files,
    tap_weights,
)
from eap.perception.official.vgg import MEAN, STD, VGG19, VggTaps, vgg_taps
from tests.metrics.evaluators.recipe import pictures

KEYS = {
    "fan": "95aa4615c3faf4eb7dd4b6a42a595221a307586b7e6386f8f96b5d69cdaf72e8",
    "enet": "66c1dfcf552863bce8021910b699ec0ccab76a2a26ce7ffb6c7e75bb9f410795",
    "vgg": "29721254c4913bff488aaa8f0216c90d9c4f07216a8b8a729d2a69d9743f0b02",
}
GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def keys_sha256(net: nn.Module) -> str:
    named = sorted((key, list(tensor.shape)) for key, tensor in net.state_dict().items())
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def image(size: int) -> Tensor:
    return torch.from_numpy(pictures(1, size)).permute(0, 3, 1, 2).float() / 255


def test_keys_and_shapes_are_those_of_the_published_architectures() -> None:
    with torch.device("meta"):
        assert keys_sha256(FAN()) == KEYS["fan"]
        assert keys_sha256(VGG19()) == KEYS["vgg"]
    assert keys_sha256(HSEmotionB0()) == KEYS["enet"]


def test_one_stack_of_fan_equals_face_alignment() -> None:
    net = load_strictly(FAN(1), recipe_state(FAN(1).state_dict()), "recipe")
    with torch.inference_mode():
        maps = net(image(256))[0]
    assert maps.shape == (68, 64, 64)
    peaks = maps.flatten(1).max(1).values
    assert peaks[:4].tolist() == pytest.approx(GOLDEN["fan1"]["peak"], rel=1e-4)
    assert float(maps.std()) == pytest.approx(GOLDEN["fan1"]["std"], rel=1e-4)
    assert maps.flatten(1).argmax(1)[:8].tolist() == GOLDEN["fan1"]["argmax"]
    with pytest.raises(ValueError, match="FAN reads"):
        net(image(64))


def test_hsemotion_equals_timm_and_gradients_reach_the_pixels() -> None:
    net = load_strictly(HSEmotionB0(), recipe_state(HSEmotionB0().state_dict()), "recipe")
    frames = image(224).requires_grad_()
    found = net(frames)
    scores = torch.cat([found.emotion_logits, found.va], 1)[0]
    assert scores.tolist() == pytest.approx(GOLDEN["enet"]["scores"], abs=1e-5)
    assert found.embedding.shape == (1, 1280)
    found.va.sum().backward()
    assert frames.grad is not None and float(frames.grad.abs().sum()) > 0


def vgg_features() -> nn.Sequential:
    with torch.device("meta"):
        net = VGG19()
    state = {k: v for k, v in net.state_dict().items() if k.startswith("features.")}
    features = net.features.to_empty(device="cpu")
    features.load_state_dict({k.removeprefix("features."): v for k, v in recipe_state(state).items()})
    return features


def test_vgg_taps_equal_torchvision_and_the_pyramid_halves() -> None:
    taps = VggTaps(vgg_features())
    with torch.inference_mode():
        found = taps(image(64))
    assert [float(t.mean()) for t in found[:5]] == pytest.approx(GOLDEN["vgg"]["tap_means"], rel=1e-4)
    assert [t.shape[-1] for t in found] == [64, 32, 16, 8, 4, 32, 16, 8, 4, 2, 16, 8, 4, 2, 1]
    assert len(tap_weights(64)) == len(found) and len(tap_weights(256)) == 20


def test_a_vgg_file_must_fit_to_the_last_key() -> None:
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in VGG19().state_dict().items()}
    state = {key: torch.zeros(1).expand(shape) for key, shape in shapes.items()}  # no memory
    del state["classifier.6.bias"]
    with pytest.raises(WeightsError, match=r"missing key 'classifier.6.bias'"):
        vgg_taps(state, "vgg.pth")


@pytest.mark.parametrize("place", [(20.0, 30.0), (20.3, 30.7), (3.2, 60.6), (40.5, 12.5)])
def test_points_are_where_the_bumps_are(place: tuple[float, float]) -> None:
    """The network is taught bumps with a deviation of one cell; cell i is centred at i + .5."""
    ticks = torch.arange(64) + 0.5
    bump = torch.exp(-((ticks[None] - place[0]) ** 2 + (ticks[:, None] - place[1]) ** 2) / 2)[None, None]
    bump = bump - 0.01  # a real map is a little below zero far away
    found = heatmap_points(bump)[0, 0] * 64
    assert found.tolist() == pytest.approx(place, abs=0.06)


def test_points_have_a_gradient_and_no_mass_is_no_fault() -> None:
    maps = torch.randn(2, 3, 16, 16, requires_grad=True)
    heatmap_points(maps).sum().backward()  # type: ignore[no-untyped-call]
    assert maps.grad is not None and bool(torch.isfinite(maps.grad).all()) and float(maps.grad.abs().sum()) > 0
    empty = heatmap_points(torch.full((1, 1, 8, 8), -1.0))
    assert bool(torch.isfinite(empty).all())


class Middle(nn.Module):
    """In FAN's place: bumps at the brightest pixel of the first channel."""

    def forward(self, faces: Tensor) -> Tensor:
        seen = nn.functional.avg_pool2d(faces[:, :1], 4)
        return seen.expand(-1, 68, -1, -1)


def test_landmarks_are_read_in_the_square_and_told_in_the_frame() -> None:
    size, (x, y) = 128, (0.55, 0.4)
    ticks = (torch.arange(size) + 0.5) / size
    dot = torch.exp(-((ticks[None] - x) ** 2 + (ticks[:, None] - y) ** 2) / (2 * 0.02**2))
    frames = dot[None, None].expand(1, 3, -1, -1)
    for square in ((0.0, 0.0, 1.0), (0.25, 0.1, 0.6), (-0.2, -0.3, 1.4)):
        reader = FanLandmarks(Middle(), square)
        assert reader(frames)[0, 0].tolist() == pytest.approx((x, y), abs=0.01), square


def test_the_square_about_a_face_by_hand() -> None:
    """Bounds .3-.7 by .4-.8: a fifth of .4 above makes a box .4 wide, .48 tall, from .32 down to .8."""
    points = torch.rand(3, 68, 2) * 0.4 + torch.tensor([0.3, 0.4])
    points[:, 0], points[:, 1] = torch.tensor([0.3, 0.4]), torch.tensor([0.7, 0.8])
    x, y, side = face_square(points)
    assert side == pytest.approx(0.88 / 195 * 200, abs=1e-5)
    assert x + side / 2 == pytest.approx(0.5, abs=1e-5)
    assert y + side / 2 == pytest.approx(0.56 - 0.12 * 0.48, abs=1e-5)


def test_one_reading_of_all_three_with_gradients_and_frozen() -> None:
    teacher = PublishedTeacher(FanLandmarks(FAN(1)), VggTaps(vgg_features()), HSEmotionB0())
    teacher.train()
    assert not any(module.training for module in teacher.modules())
    assert not any(p.requires_grad for p in teacher.parameters())
    frames = image(64).requires_grad_()
    reading = teacher(frames)
    assert reading.landmarks.shape == (1, 68, 2) and reading.va.shape == (1, 2)
    assert reading.embedding.shape == (1, 1280) and len(reading.taps) == 15
    for part in (reading.landmarks.sum(), reading.va.sum(), reading.taps[4].sum()):
        (gradient,) = torch.autograd.grad(part, frames, retain_graph=True)
        assert float(gradient.abs().sum()) > 0


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    whole = (0.0, 0.0, 1.0)
    with pytest.raises(WeightsError, match=r"2DFAN4-11f355bf06\.pth\.tar: no such file.*weights fetch fan"):
        load_published(tmp_path, whole)
    (tmp_path / "2DFAN4-11f355bf06.pth.tar").write_bytes(b"not it")
    with pytest.raises(WeightsError, match="not the published file's"):
        load_published(tmp_path, whole)


def test_a_teacher_is_no_judge() -> None:
    refuse_accomplices(tuple(TEACHERS), ("syncnet", "inception", "hsemotion-b2"))
    for judge in ("fan", "hsemotion-va", "vgg19"):
        with pytest.raises(ConfigError, match="are the same network"):
            refuse_accomplices(tuple(TEACHERS), (judge,))
    record = TeacherRecord("hsemotion-teacher", "L_inten", "Apache-2.0", "x.pt", "abc", ("def",))
    refuse_same_files([record], {"other": "123", "unknown": ""})
    for sha256 in ("abc", "def"):
        with pytest.raises(WeightsError, match="mine: is the teacher 'hsemotion-teacher'"):
            refuse_same_files([record], {"mine": sha256})


def test_normalisation_is_imagenets() -> None:
    assert MEAN == (0.485, 0.456, 0.406) and STD == (0.229, 0.224, 0.225)
