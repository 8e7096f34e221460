"""A bundle of untrained networks: enough to try every joint of a run, not to measure anything."""

from __future__ import annotations

from pathlib import Path

import torch

from eap.bundle.store import WeightsMeta, save_weights
from eap.constants import EMOTIONS
from eap.model import ModelConfig, Talker
from eap.perception import zoo

TALKERS = ("eap", "ant", "no-neutralization", "no-intensity")


def write_bundle(folder: Path, talkers: tuple[str, ...] = ("eap",)) -> None:
    """Evaluators and talkers with random weights, always the same."""
    torch.manual_seed(0)
    for seed, name in enumerate(zoo.EVALUATORS):
        module = zoo.BUILD[name]()
        save_weights(name, module, WeightsMeta("evaluator", type(module).__name__, seed), folder=folder)
    config = ModelConfig()
    for seed, name in enumerate(talkers):
        talker = Talker(config)
        state = talker.state_dict()
        emotional = name != "ant"
        if emotional:
            state["prototypes"] = torch.zeros(len(EMOTIONS), config.latent)
        meta = WeightsMeta("model", "Talker", 50 + seed, config={"model": config.to_dict(), "emotional": emotional})
        save_weights(name, state, meta, folder=folder)


def pixels(folder: Path) -> str:
    """Hash of what the parts of a run draw for a fixed picture and voice, in this process."""
    import hashlib

    import numpy as np

    from benchmarks.bundled import BundledParts

    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (96, 96, 3), dtype=np.uint8)
    voice = (0.1 * rng.standard_normal(640 * 8)).astype(np.float32)
    return hashlib.sha256(BundledParts(folder).model("eap").generate(image, voice).frames.tobytes()).hexdigest()
