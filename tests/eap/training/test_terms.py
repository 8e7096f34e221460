"""What the losses see: softened frames and measured lip movement."""

from __future__ import annotations

import torch

from eap.training.terms import soften


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
