"""A small untrained model whose every path does something, and a voice."""

from __future__ import annotations

import pytest
import torch

from eap.inference import Model
from eap.model import Talker
from tests.eap.small_model import SMALL


@pytest.fixture
def talker() -> Talker:
    torch.manual_seed(3)
    talker = Talker(SMALL)
    torch.nn.init.normal_(talker.expression.out.weight)
    return talker


@pytest.fixture
def model(talker: Talker) -> Model:
    return Model(talker, name="test", emotional=True, prototypes=torch.randn(8, 24))
