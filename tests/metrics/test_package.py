from __future__ import annotations

import subprocess
import sys

import pytest

import metrics

HEAVY = ("torch", "librosa", "matplotlib", "pandas", "av", "scipy", "cv2")


def test_importing_is_light() -> None:
    code = f"import sys, metrics; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", metrics.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(metrics, name) is not None


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        metrics.nothing  # noqa: B018
