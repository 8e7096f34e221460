from __future__ import annotations

import pytest
from hypothesis import settings

from tests.metrics.fakes import FakeEvaluators

# A busy machine is slow, not wrong.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture
def fake() -> FakeEvaluators:
    return FakeEvaluators()
