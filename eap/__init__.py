"""EAP: emotional talking faces from one face image and a voice (ECCV 2024), re-implemented.

``eap.load("eap").generate(image, audio)`` makes a talking face; ``.neutralize(image)`` removes an expression.
Heavy imports happen on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eap.inference import Control, Explanation, Generated, IntensityCurve, Model, Stream, load, read_curve

__version__ = "0.1.0"
__all__ = [
    "Control",
    "Explanation",
    "Generated",
    "IntensityCurve",
    "Model",
    "Stream",
    "__version__",
    "load",
    "read_curve",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        from eap import inference

        return getattr(inference, name)
    raise AttributeError(f"module 'eap' has no attribute {name!r}")
