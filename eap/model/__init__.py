"""The paper's model, one file per box of its Fig. 4.

``identity.py`` E_I, ``audio.py`` E_A, ``emotion.py`` E_E and phi, ``fusion.py`` the transformer, ``latent.py`` Eq. 1,
``generator.py`` G, ``discriminator.py`` D and D_E, ``intensity.py`` psi, ``talker.py`` all of them wired together.
"""

from __future__ import annotations

from eap.model.config import ModelConfig
from eap.model.talker import Latents, Talker

__all__ = ["Latents", "ModelConfig", "Talker"]
