"""Fixtures of the evidence scripts' tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _threads_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script pins its own process to one thread; the process of the tests is not its own."""
    monkeypatch.setattr("benchmarks.evidence.common.pin_threads", lambda: None)
