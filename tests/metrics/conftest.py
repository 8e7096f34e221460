from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from eap.perception.official.files import WeightFile
from metrics.evaluators import weights
from tests.metrics.fakes import TEMPLATE, FakeEvaluators

# A busy machine is slow, not wrong.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture
def fake() -> FakeEvaluators:
    return FakeEvaluators()


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template of our own in place of the published one."""
    folder = tmp_path / "weights"
    folder.mkdir()
    path = folder / "base_68_close.npy"
    np.save(path, TEMPLATE)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    item = WeightFile("eat-template", path.name, "http://127.0.0.1:9/", "a test", "none", None, sha256)
    monkeypatch.setattr(weights, "FILES", (item,))
    monkeypatch.setenv("EAP_WEIGHTS", str(folder))
    monkeypatch.setenv("EAP_CACHE", str(tmp_path / "cache"))
    return path
