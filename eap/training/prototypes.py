"""The mean z_exp of each emotion: what ``--emotion`` puts in place of the voice's own direction."""

from __future__ import annotations

import torch
from torch import Tensor

from eap.constants import EMOTIONS
from eap.data.arrays import ArraySet
from eap.model import Talker


def emotion_prototypes(talker: Talker, arrays: ArraySet, per_emotion: int = 24) -> Tensor:
    """Mean over training clips of each emotion. -> (8, latent), a row of zeros where there is no clip."""
    out = torch.zeros(len(EMOTIONS), talker.config.latent)
    talker.eval()
    device = next(talker.parameters()).device
    with torch.inference_mode():
        for emotion in range(len(EMOTIONS)):
            clips = [c for c in arrays.clips if c.emotion == emotion]
            found = []
            for clip in clips[:: max(1, len(clips) // per_emotion)]:
                image = torch.from_numpy(arrays.frames(clip, 0)).to(device).permute(2, 0, 1)[None].float() / 255
                mel = torch.from_numpy(arrays.mel(clip, 0, clip.length))[None].to(device)
                z_id, _ = talker.E_I(image)
                latents = talker.latents(z_id, mel, emotional=True)
                if latents.z_exp is not None:
                    found.append(latents.z_exp[0].cpu())
            if found:
                out[emotion] = torch.stack(found).mean(0)
    return out
