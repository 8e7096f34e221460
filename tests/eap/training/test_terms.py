"""What the losses see: softened frames and measured lip movement."""

from __future__ import annotations

import torch

from eap.training.terms import colour_blind, soften


def test_soften_by_hand() -> None:
    """An impulse becomes (1,2,1)/4 both ways; an edge repeats itself."""
    frame = torch.zeros(1, 1, 5, 5)
    frame[0, 0, 2, 2] = 16
    expected = torch.outer(torch.tensor([0.0, 1, 2, 1, 0]), torch.tensor([0.0, 1, 2, 1, 0]))
    torch.testing.assert_close(soften(frame)[0, 0], expected)
    flat = torch.full((1, 3, 4, 6), 0.7)
    torch.testing.assert_close(soften(flat), flat)


def test_a_pattern_of_single_pixels_is_invisible() -> None:
    """What could fool a frozen network is gone but for the border."""
    checks = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    out = soften(checks.float()[None, None])
    torch.testing.assert_close(out[0, 0, 1:-1, 1:-1], torch.full((6, 6), 0.5))


def test_the_teacher_says_nothing_about_colours() -> None:
    frames = torch.rand(2, 3, 4, 4, requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 4.0])[None, :, None, None]
    seen = colour_blind(frames)
    assert torch.equal(seen, frames)
    (seen * weights).sum().backward()  # type: ignore[no-untyped-call]
    assert frames.grad is not None
    torch.testing.assert_close(frames.grad, torch.ones_like(frames))  # (1 - 2 + 4) / 3, in every colour
    still = torch.rand(1, 3, 2, 2)
    assert torch.equal(colour_blind(still), still)
