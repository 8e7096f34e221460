from __future__ import annotations

from pathlib import Path

import pytest

from eap.errors import ConfigError, DataError
from metrics.validity import study
from metrics.validity.results import load_validity, save_validity
from metrics.validity.study import Plan, load_trial, run, save_trial
from metrics.validity.trial import labels
from tests.metrics.fakes import FakeEvaluators
from tests.metrics.validity.test_judge import BLUR, trials

PLAN = Plan(identities=3, clips=1, seconds=0.4, size=32, damages=("blur", "emotion_swap", "av_shift"),
            metrics=("psnr", "ssim", "emotion_accuracy", "fid", "m_lmd"))  # fmt: skip


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "get_evaluators", lambda name: FakeEvaluators())


@pytest.mark.usefixtures("fakes")
def test_a_small_study_from_end_to_end_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[int, int, str]] = []
    found = run(PLAN, tmp_path, progress=lambda *step: steps.append(step))
    assert [step[:2] for step in steps] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    psnr = found.cell("psnr", "blur")
    assert psnr is not None
    assert psnr.declared
    assert psnr.tau == 1.0
    assert psnr.n == 3
    assert found.cell("psnr", "av_shift") is not None
    assert len(found.identities) == 3
    monkeypatch.setattr(study, "try_clip", None)  # a second run finds every trial
    assert run(PLAN, tmp_path).cells == found.cells
    save_validity(tmp_path / "validity.json", found)
    assert load_validity(tmp_path) == found


def test_trials_are_kept_whole(tmp_path: Path) -> None:
    (trial, *_) = trials(BLUR, [0, 1, 2, 3, 4, 5])
    path = tmp_path / "a.npz"
    save_trial(path, trial)
    again = load_trial(path)
    assert again is not None
    assert (again.clip_id, again.vote, list(again.versions)) == (trial.clip_id, trial.vote, list(trial.versions))
    assert again.versions["blur@0.5"].values == trial.versions["blur@0.5"].values
    path.write_bytes(path.read_bytes()[:60])
    assert load_trial(path) is None
    assert load_trial(tmp_path / "nowhere.npz") is None


def test_plans() -> None:
    specs = PLAN.specs()
    assert len({spec.identity for spec in specs}) == 3
    assert all(order.voice.identity == order.face != order.spec.identity for order in PLAN.orders())
    assert PLAN.versions == len(labels([])) + 6 + 1 + 6
    with pytest.raises(ConfigError, match="3 persons or more"):
        Plan(identities=2)
    with pytest.raises(ConfigError, match="unknown damage 'rain'"):
        Plan(damages=("rain",))


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"format": 2}'])
def test_what_is_no_validation_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "validity.json").write_bytes(content)
    with pytest.raises(DataError, match=r"validity\.json"):
        load_validity(tmp_path)
