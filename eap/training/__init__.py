"""Training: the paper's three phases as recipes. Imports with numpy, scipy, torch and safetensors alone.

``recipes.py`` what to do, ``batches.py`` what a step sees, ``terms.py`` which losses a phase has, ``loop.py`` the
steps, ``checkpoints.py`` kill and resume, ``bundle.py`` everything bundled from nothing.
"""

from __future__ import annotations
