"""Each loss against a hand-worked number, an independent form, and an invariance."""

from __future__ import annotations

import math

import pytest
import torch

from eap import losses


def test_lip_loss_reads_lips_only() -> None:
    a = torch.zeros(2, 68, 2)
    b = a.clone()
    b[:, 48:68] += 0.1
    assert losses.lip_loss(a, b).item() == pytest.approx(0.1)
    b[:, :27] += 5.0
    b[:, 31:48] += 5.0
    assert losses.lip_loss(a, b).item() == pytest.approx(0.1)


def test_perceptual_loss_is_the_weighted_sum_of_tap_distances() -> None:
    taps = [torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 2, 2)]
    moved = [torch.full_like(taps[0], 0.5), torch.full_like(taps[1], 2.0)]
    assert losses.perceptual_loss(taps, moved, (2.0, 0.25)).item() == pytest.approx(2 * 0.5 + 0.25 * 2)
    with pytest.raises(ValueError, match="as many weights"):
        losses.perceptual_loss(taps, moved, (1.0,))


def test_region_weights_raise_the_mouth_and_leave_the_corner() -> None:
    points = torch.full((1, 68, 2), 0.5)
    points[:, 48:68] = torch.tensor([0.5, 0.75]) + 0.08 * (torch.rand(20, 2) - 0.5)
    points[:, 17:48] = torch.tensor([0.5, 0.3])
    weight = losses.region_weights(points, 64, 8.0)
    assert weight.shape == (1, 1, 64, 64)
    assert weight[0, 0, 48, 32].item() > 8
    assert weight[0, 0, 2, 2].item() == pytest.approx(1.0, abs=1e-3)


def test_pixel_loss_with_even_weights_is_l1() -> None:
    a, b = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    got = losses.pixel_loss(a, b, torch.full((2, 1, 8, 8), 3.0))
    assert got.item() == pytest.approx((a - b).abs().mean().item(), rel=1e-5)


def test_hinge_by_hand() -> None:
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5])
    # D: mean(0, .5) + mean(0, 1.5)
    assert losses.adversarial_d(real, fake).item() == pytest.approx(0.25 + 0.75)
    assert losses.adversarial_g(fake).item() == pytest.approx(0.75)


def test_npair_equals_eq_3_term_by_term() -> None:
    torch.manual_seed(0)
    f_a, f_p, f_n = torch.randn(4, 6) * 0.3, torch.randn(4, 6) * 0.3, torch.randn(4, 7, 6) * 0.3
    expected = 0.0
    for i in range(4):
        own = math.exp(float(f_a[i] @ f_p[i]))
        others = sum(math.exp(float(f_a[i] @ f_n[i, j])) for j in range(7))
        expected += -math.log(own / (own + others)) / 4
    got = losses.npair_neutral(f_a, f_p, f_n, normalize=False, temperature=1.0)
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_npair_does_not_care_about_the_order_of_negatives_and_survives_large_products() -> None:
    torch.manual_seed(1)
    f_a, f_p, f_n = torch.randn(2, 5), torch.randn(2, 5), torch.randn(2, 7, 5)
    a = losses.npair_neutral(f_a, f_p, f_n)
    b = losses.npair_neutral(f_a, f_p, f_n[:, torch.randperm(7)])
    assert a.item() == pytest.approx(b.item(), rel=1e-6)
    huge = losses.npair_neutral(f_a * 1e3, f_p * 1e3, f_n * 1e3, normalize=False, temperature=1.0)
    assert torch.isfinite(huge)


def test_emotion_branches_by_hand() -> None:
    labels = torch.tensor([1])
    real, fake = torch.full((1, 8), -1.0), torch.full((1, 8), -1.0)
    # matched: relu(1+1) + relu(1-1); mismatched real branches at -1 cost nothing
    assert losses.emotion_adv_d(real, fake, labels).item() == pytest.approx(2.0)
    real[0, 1] = 1.0
    assert losses.emotion_adv_d(real, fake, labels).item() == pytest.approx(0.0)
    fake[0, 1] = 3.0
    assert losses.emotion_adv_g(fake, labels).item() == pytest.approx(-3.0)


def test_intensity_is_the_radius_and_its_loss_the_mse() -> None:
    v, a = torch.tensor([0.3, 0.0]), torch.tensor([0.4, 0.0])
    r = losses.intensity(v, a)
    assert r[0].item() == pytest.approx(0.5)
    assert r[1].item() == pytest.approx(0.0, abs=1e-5)
    assert losses.intensity_mse(torch.tensor([0.5, 0.1]), torch.tensor([0.4, 0.3])).item() == pytest.approx(0.025)


def test_intensity_has_a_gradient_at_zero() -> None:
    v = torch.zeros(1, requires_grad=True)
    losses.intensity(v, torch.zeros(1)).sum().backward()  # type: ignore[no-untyped-call]
    assert v.grad is not None
    assert torch.isfinite(v.grad).all()


def test_movement_asks_for_what_changes_and_not_for_whose_lips_they_are() -> None:
    target = torch.tensor([[[1.0, 5.0], [3.0, 5.0]]])  # one clip, two frames: the first coordinate moves by 1 about 2
    still = torch.zeros(1, 2, 2)
    assert losses.aux_movement(still, target).item() == pytest.approx(0.5)
    exact = torch.tensor([[[-1.0, 0.0], [1.0, 0.0]]])
    assert losses.aux_movement(exact, target).item() == pytest.approx(0.0)
    assert losses.aux_movement(exact, target + 7.0).item() == pytest.approx(0.0)


def test_lip_loss_ignores_where_the_head_is() -> None:
    a = torch.rand(2, 68, 2)
    assert losses.lip_loss(a, a + torch.tensor([0.1, -0.05])).item() == pytest.approx(0.0, abs=1e-6)


def test_auxiliary_read_outs_by_hand() -> None:
    assert losses.aux_shape(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 1.0])).item() == pytest.approx(1.5)
    assert losses.aux_affect(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 1.0])).item() == pytest.approx(2.5)
    assert losses.aux_look(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 1.0])).item() == pytest.approx(2.5)
    assert losses.context_emotion_ce(torch.zeros(2, 8), torch.tensor([0, 5])).item() == pytest.approx(math.log(8))
    a = torch.zeros(1, 68, 2)
    b = a.clone()
    b[:, losses.BROWS_EYES] = 0.2
    assert losses.aux_landmarks(a, b).item() == pytest.approx(0.2)
