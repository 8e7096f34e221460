"""psi: the intensity of a face from the VA backbone's embedding, r_hat = psi(F(v)) (Eq. 7).

Fitted on ground-truth frames and then frozen (*our choice*): fitted on generated frames it could agree with r by
reading artefacts.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class IntensityRegressor(nn.Module):
    """h (N,width) -> r_hat (N,) >= 0."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(width, 64), nn.Linear(64, 1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Softplus: intensities are not negative."""
        return F.softplus(self.out(F.relu(self.hidden(embedding)))).squeeze(-1)
