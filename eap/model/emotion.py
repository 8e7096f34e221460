"""phi: the LSTM that reads the emotion of a clip from e_[1:n] (Eq. 5). E_E itself is a narrower ``MelEncoder``."""

from __future__ import annotations

from torch import Tensor, nn

from eap.constants import EMOTIONS


class ContextEmotionClassifier(nn.Module):
    """e (B,T,token) -> logits (B,8) from the LSTM's mean output.

    The mean over time instead of the last state (*our choice*): a pause at the end of a sentence must not decide.
    """

    def __init__(self, token: int, width: int = 128) -> None:
        super().__init__()
        self.lstm = nn.LSTM(token, width, batch_first=True)
        self.head = nn.Linear(width, len(EMOTIONS))

    def forward(self, emotion_feats: Tensor) -> Tensor:
        """Logits, not probabilities: the loss takes them in float32."""
        states, _ = self.lstm(emotion_feats)
        logits: Tensor = self.head(states.mean(1))
        return logits
