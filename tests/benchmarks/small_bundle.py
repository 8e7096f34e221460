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
