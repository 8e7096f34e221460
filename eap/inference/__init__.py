"""Image and voice in, talking face out: files, arrays and streams.

The latents of a clip are computed in windows with enough margin that the result equals one pass over the whole clip,
so that minutes of audio need no more memory than seconds. ``z_exp`` is one direction per clip, so all latents are known
before the first frame is drawn; a stream, which cannot wait, takes the mean so far (`eap.inference.streaming`).
"""

from __future__ import annotations

from eap.inference.control import Control, IntensityCurve, read_curve
from eap.inference.model import Model, load
from eap.inference.results import Explanation, Generated, Written
from eap.inference.streaming import Stream

__all__ = [
    "Control",
    "Explanation",
    "Generated",
    "IntensityCurve",
    "Model",
    "Stream",
    "Written",
    "load",
    "read_curve",
]
