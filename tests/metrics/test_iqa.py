"""pyiqa's wrapper: against a stand-in where pyiqa is not installed, against pyiqa itself where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import metrics
from eap.errors import ConfigError
from eap.media import read_video
from metrics.iqa import dynamic, load_quality
from metrics.registry import default_metrics, get_metric
from tests.metrics.fakes import install_fake_pyiqa, make_clip


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    install_fake_pyiqa(monkeypatch)
    load_quality.cache_clear()
    dynamic.cache_clear()
    yield
    load_quality.cache_clear()
    dynamic.cache_clear()


def test_frames_reach_the_network(stand_in: None, tmp_path: Path) -> None:
    ours, theirs = make_clip(tmp_path / "a.mp4", 6, 1), make_clip(tmp_path / "b.mp4", 6, 2)
    table = metrics.score(ours, theirs, metrics=["lpips", "niqe", "pyiqa:gmsd"], evaluators=None)
    a, b = (read_video(path).frames.astype(np.float64) / 255 for path in (ours, theirs))
    gap = np.abs(a - b).mean()
    assert table.value("lpips").value == pytest.approx(gap, abs=1e-6)
    assert table.value("pyiqa:gmsd").value == pytest.approx(gap, abs=1e-6)
    assert table.value("niqe").value == pytest.approx(a.mean(), abs=1e-6)
    signature = "pyiqa:gmsd|crop:frame|by:pyiqa-0.1.16|pool:clip-mean|protocol:strict|v1"
    assert str(table.value("pyiqa:gmsd").signature) == signature
    assert table.value("pyiqa:gmsd").higher_is_better is False


def test_what_cannot_be_measured_is_a_row(stand_in: None, tmp_path: Path) -> None:
    ours, theirs = make_clip(tmp_path / "a.mp4", 6), make_clip(tmp_path / "b.mp4", 9)
    table = metrics.score(ours, theirs, metrics=["lpips"], evaluators=None)
    assert table.clip_values[0].reason == "length differs: 6 frames, reference has 9"
    with pytest.raises(ConfigError, match=r"pyiqa has no metric 'best'; choose from: broken, gmsd, lpips, niqe"):
        get_metric("pyiqa:best")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("metrics.iqa.installed", lambda: False)
    load_quality.cache_clear()
    with pytest.raises(ConfigError, match=r"needs the package pyiqa; install it with: pip install 'eap-bench\[iqa\]'"):
        load_quality("lpips")
    clip = make_clip(tmp_path / "a.mp4", 6)
    table = metrics.score(clip, clip, metrics=["lpips"], evaluators=None)
    assert "pip install 'eap-bench[iqa]'" in table.clip_values[0].reason
    assert not {"lpips", "niqe"} & {item.spec.name for item in default_metrics()}
