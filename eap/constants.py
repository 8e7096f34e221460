"""Words and numbers the whole project shares (DESIGN section 3, "Vocabulary")."""

from __future__ import annotations

from typing import Final

EMOTIONS: Final = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
"""The 8 emotions in MEAD's spelling; their order is the class index everywhere."""

NEUTRAL: Final = EMOTIONS.index("neutral")
VIEWS: Final = ("front", "left_30", "right_30", "top", "down")
LEVELS: Final = (1, 2, 3)

FPS: Final = 25
"""Video frames per second after preparation."""
RATE: Final = 16000
"""Audio samples per second after preparation."""
N_MELS: Final = 80
MEL_PER_FRAME: Final = 4
"""Mel rows per video frame: hop 160 at 16 kHz is 100 rows a second, exactly 4 for each of 25 frames."""
N_LANDMARKS: Final = 68
"""iBUG-68: 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth."""
MODEL_SIZE: Final = 96
"""Side of the square frames the bundled model reads and writes, in pixels."""
