"""The model's claims about its own structure."""

from __future__ import annotations

import pytest
import torch

from eap.errors import ConfigError
from eap.model import ModelConfig, Talker
from eap.model.latent import compose_face_latent
from tests.eap.small_model import SMALL


@pytest.fixture
def talker() -> Talker:
    torch.manual_seed(3)
    return Talker(SMALL).eval()


def test_eq_1_by_hand() -> None:
    z_id, z_exp = torch.tensor([[1.0, 2.0]]), torch.tensor([[10.0, 20.0]])
    z_lip, alpha = torch.tensor([[[0.1, 0.2], [0.3, 0.4]]]), torch.tensor([[[0.5], [2.0]]])
    got = compose_face_latent(z_id, z_lip, alpha, z_exp)
    assert got.tolist()[0] == [pytest.approx([6.1, 12.2]), pytest.approx([21.3, 42.4])]
    assert torch.equal(compose_face_latent(z_id, z_lip), z_id[:, None] + z_lip)


def test_shapes_and_range(talker: Talker) -> None:
    image, mel = torch.rand(2, 3, 32, 32), torch.randn(2, 40, 80)
    frames, latents = talker(image, mel, torch.tensor([[0, 4], [9, 2]]), emotional=True)
    assert frames.shape == (2, 2, 3, 32, 32)
    assert 0 <= frames.min() <= frames.max() <= 1
    assert latents.z_lip.shape == (2, 10, 24)
    assert latents.alpha is not None and latents.alpha.shape == (2, 10, 1) and bool((latents.alpha > 0).all())
    assert latents.emotion_logits is not None and latents.emotion_logits.shape == (2, 8)


def test_the_first_step_of_era_is_ant(talker: Talker) -> None:
    image, mel, picks = torch.rand(1, 3, 32, 32), torch.randn(1, 40, 80), torch.tensor([[1, 7]])
    with torch.no_grad():
        ant, _ = talker(image, mel, picks, emotional=False)
        era, _ = talker(image, mel, picks, emotional=True)
    assert torch.allclose(ant, era, atol=1e-6)


def test_a_frame_sees_no_further_than_the_reach(talker: Talker) -> None:
    z_id = torch.randn(1, 24)
    mel = torch.randn(1, 4 * 60, 80)
    other = mel.clone()
    other[:, 4 * 40 :] = torch.randn(1, 80, 80)
    with torch.no_grad():
        a, b = (talker.latents(z_id, m, emotional=True).z_lip for m in (mel, other))
    changed = (a - b).abs().amax(-1)[0] > 1e-6
    first = int(changed.nonzero()[0])
    assert 40 - (SMALL.layers * SMALL.reach + 12) <= first < 40
    assert bool(changed[45:].all())


def test_constant_alpha_is_one_and_expression_is_one_per_clip() -> None:
    constant = Talker(ModelConfig.from_dict({**SMALL.to_dict(), "constant_alpha": True})).eval()
    latents = constant.latents(torch.randn(1, 24), torch.randn(1, 40, 80), emotional=True)
    assert latents.alpha is not None and bool((latents.alpha == 1).all())
    assert latents.z_exp is not None and latents.z_exp.shape == (1, 24)


def test_video_embedding_is_the_mean_of_its_frames(talker: Talker) -> None:
    frames = torch.rand(1, 3, 3, 32, 32)
    with torch.no_grad():
        each = torch.stack([talker.E_I(frames[:, i])[0] for i in range(3)]).mean(0)
        assert torch.allclose(talker.E_I.embed(frames), each, atol=1e-5)


def test_every_part_gets_a_gradient(talker: Talker) -> None:
    talker.train()
    torch.nn.init.normal_(talker.expression.out.weight)
    frames, latents = talker(torch.rand(1, 3, 32, 32), torch.randn(1, 40, 80), torch.tensor([[2]]), emotional=True)
    assert latents.emotion_logits is not None
    (frames.mean() + latents.emotion_logits.mean()).backward()
    for name, child in talker.named_children():
        assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in child.parameters()), name


def test_bad_input_and_foreign_settings_are_refused(talker: Talker) -> None:
    with pytest.raises(ValueError, match="mel must be"):
        talker.E_A(torch.randn(1, 41, 80))
    with pytest.raises(ConfigError, match="unknown model settings: colour"):
        ModelConfig.from_dict({"colour": 3})
    with pytest.raises(ConfigError, match="multiple of 16"):
        ModelConfig(size=100)
    assert ModelConfig.from_dict(SMALL.to_dict()) == SMALL
