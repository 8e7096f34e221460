from __future__ import annotations

import pytest

from tests.metrics.fakes import FakeEvaluators


@pytest.fixture
def fake() -> FakeEvaluators:
    return FakeEvaluators()
