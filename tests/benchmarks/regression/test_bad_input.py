"""Everything that makes a comparison impossible: the state, exit code 3 (2 for usage) and the line that mends it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.baselines import accept, read_baseline
from benchmarks.regression.check import check
from benchmarks.regression.config import GateConfig
from benchmarks.regression.snapshot import snapshot_of_run
from benchmarks.regression.verdict import State
from eap.errors import ConfigError, DataError, MeasureError
from tests.benchmarks.calling import Call
from tests.benchmarks.regression.fake_runs import Fake, worsen, write


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def baseline(run: Path, tmp_path: Path) -> Path:
    return accept(run, tmp_path / "baselines" / "smoke.json", command="eap-bench baseline accept").path


@pytest.mark.parametrize(
    ("fake", "what", "fix"),
    [
        (Fake(suite="mead"), "the run is of suite 'smoke', the baseline of 'mead'", "eap-bench run --suite mead"),
        (
            Fake(protocol="eat-2023"),
            "protocol 'strict' in the run, 'eat-2023' in the baseline",
            "baseline accept --run",
        ),
        (Fake(seed=8), "seed '7' in the run, '8' in the baseline", "baseline accept --run"),
        (Fake(identities=5), "the clip lists differ (0 only in the baseline, 4 only in the run)", "baseline accept"),
    ],
)
def test_a_baseline_of_something_else(fake: Fake, what: str, fix: str, run: Path, tmp_path: Path) -> None:
    path = accept(write(tmp_path / "other", fake), tmp_path / "other.json", command="c").path
    verdict = check(run, path)
    assert (verdict.outcome.code, verdict.outcome.state) == (3, State.NOT_COMPARABLE)
    assert what in verdict.outcome.line
    assert fix in verdict.problems[0].fix
    assert verdict.comparisons == ()


def test_another_metric_version(run: Path, tmp_path: Path) -> None:
    path = accept(write(tmp_path / "other", Fake(version="v2")), tmp_path / "b.json", command="c").path
    verdict = check(run, path)
    assert verdict.outcome.code == 3
    assert {item.state for item in verdict.comparisons} == {State.NOT_COMPARABLE}
    assert verdict.comparisons[0].why == "other signature: v2 became v1"
    assert "baseline accept --run" in verdict.comparisons[0].fix


def test_every_truncation_of_a_baseline_is_not_comparable(run: Path, baseline: Path, tmp_path: Path) -> None:
    content = baseline.read_bytes()
    broken = tmp_path / "broken.json"
    for length in [0, 1, 2, *range(100, len(content) - 1, len(content) // 25), len(content) - 3]:
        broken.write_bytes(content[:length])
        verdict = check(run, broken)
        assert (verdict.outcome.code, verdict.outcome.state) == (3, State.NOT_COMPARABLE)
        assert "broken.json" in verdict.problems[0].what
        assert "baseline accept" in verdict.problems[0].fix


def edited(baseline: Path, change: Callable[[dict[str, object]], object]) -> Path:
    raw = json.loads(baseline.read_text())
    change(raw)
    baseline.write_text(json.dumps(raw))
    return baseline


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw["series"][0].update(value=math.nan), "series.0.value"),
        (lambda raw: raw["series"][0]["clips"].pop(), "has 23 of 24 clips"),
        (lambda raw: raw["clips"][0].update(identity="M9999"), "edited by hand"),
        (lambda raw: raw["clips"].append(raw["clips"][0]), "a clip is listed twice"),
        (lambda raw: raw.update(format=2), "not a baseline of format 1"),
        (lambda raw: raw.update(series=[]), "series"),
        (lambda raw: raw.update(color="red"), "color"),
        (lambda raw: raw.pop("protocol"), "protocol"),
    ],
)
def test_an_edited_baseline_is_named(
    change: Callable[[dict[str, object]], object], message: str, run: Path, baseline: Path
) -> None:
    edited(baseline, change)
    with pytest.raises(DataError, match=r"smoke\.json") as caught:
        read_baseline(baseline)
    assert message in str(caught.value)
    assert check(run, baseline).outcome.code == 3


def test_any_json_is_no_baseline(run: Path, tmp_path: Path) -> None:
    for text in ("[]", "null", "3", "{}"):
        (tmp_path / "b.json").write_text(text)
        assert check(run, tmp_path / "b.json").outcome.code == 3


def test_nan_in_the_run_is_missing(baseline: Path, tmp_path: Path) -> None:
    nothing = write(tmp_path / "nan", Fake(change=lambda *_: math.nan))
    verdict = check(nothing, baseline)
    assert (verdict.outcome.code, verdict.outcome.state) == (3, State.MISSING)
    assert {item.state for item in verdict.comparisons if item.gated} == {State.MISSING}


def test_an_empty_folder_and_an_unfinished_run_are_missing(run: Path, baseline: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    verdict = check(tmp_path / "empty", baseline)
    assert (verdict.outcome.code, verdict.outcome.state) == (3, State.MISSING)
    assert "no run.json here" in verdict.outcome.line
    unfinished = write(tmp_path / "unfinished", Fake(finished=""))
    assert "did not finish" in check(unfinished, baseline).outcome.line
    assert "run the suite again" in check(unfinished, baseline).problems[0].fix
    (unfinished / "values.parquet").unlink()
    assert check(unfinished, baseline).outcome.code == 3


def test_a_run_without_clips_or_values(baseline: Path, tmp_path: Path) -> None:
    for name, fake, message in (
        ("clipless", Fake(identities=0), "the run has no clips"),
        ("valueless", Fake(metrics=()), "the run has no values"),
    ):
        directory = write(tmp_path / name, fake)
        with pytest.raises(MeasureError, match=message):
            snapshot_of_run(directory)
        verdict = check(directory, baseline)
        assert (verdict.outcome.code, verdict.outcome.state) == (3, State.MISSING)


def test_a_damaged_table_is_missing(baseline: Path, tmp_path: Path) -> None:
    directory = write(tmp_path / "damaged")
    (directory / "clip_values.parquet").write_bytes(b"PAR1")
    verdict = check(directory, baseline)
    assert (verdict.outcome.code, verdict.outcome.state) == (3, State.MISSING)
    assert "clip_values.parquet" in verdict.outcome.line


def test_paths_that_do_not_exist_are_usage_errors(run: Path, baseline: Path, call: Call) -> None:
    with pytest.raises(ConfigError, match="no such run"):
        check("nowhere", baseline)
    with pytest.raises(ConfigError, match="no such baseline"):
        check(run, "nowhere.json")
    assert call("check", "--run", run, "--baseline", "nowhere.json").code == 2


def test_a_suite_without_a_baseline_says_how_to_make_one(run: Path) -> None:
    verdict = check(run)
    assert verdict.outcome.code == 3
    assert "suite 'smoke' has no baseline baselines/smoke.json" in verdict.outcome.line
    assert f"eap-bench baseline accept --run {run}" in verdict.problems[0].fix


def test_a_run_with_failed_clips_is_no_baseline_unless_told(tmp_path: Path) -> None:
    directory = write(tmp_path / "holed", Fake(failed=("M2000_angry",)))
    with pytest.raises(MeasureError, match=r"2 clips failed \(no face in frame 3\), and a baseline should be whole"):
        accept(directory, tmp_path / "b.json", command="c")
    assert not (tmp_path / "b.json").exists()
    accept(directory, tmp_path / "b.json", command="c", allow_missing=True)
    assert check(directory, tmp_path / "b.json").outcome.code == 0
    whole = check(write(tmp_path / "whole"), tmp_path / "b.json")
    assert whole.outcome.code == 0  # gaining a clip is no loss


def test_a_tenth_of_the_clips_missing_is_not_ok(baseline: Path, tmp_path: Path) -> None:
    verdict = check(write(tmp_path / "holed", Fake(failed=("M2000_angry", "M2003_sad"))), baseline)
    assert (verdict.outcome.code, verdict.outcome.state) == (3, State.MISSING)
    assert all(item.n_lost == 2 for item in verdict.of(State.MISSING, gated=True))


def test_a_regression_beats_a_missing_clip(baseline: Path, tmp_path: Path) -> None:
    fake = Fake(failed=("M2000_angry",), change=worsen("psnr", -3.0))
    assert check(write(tmp_path / "both", fake), baseline, GateConfig()).outcome.code == 1
