"""The commands check, baseline and noise, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.baselines import read_baseline, read_file
from benchmarks.regression.snapshot import snapshot_of_run
from tests.benchmarks.calling import Call
from tests.benchmarks.regression.fake_runs import Fake, worsen, write


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs: good, worse, better."""
    root = tmp_path_factory.mktemp("runs")
    write(root / "good")
    write(root / "worse", Fake(change=worsen("psnr", -3.0)))
    write(root / "better", Fake(change=worsen("psnr", 3.0)))
    return root


@pytest.fixture
def accepted(runs: Path, call: Call) -> Path:
    """baselines/smoke.json in the current folder, from the good run."""
    assert call("baseline", "accept", "--run", runs / "good", "--reason", "first").code == 0
    return Path("baselines/smoke.json")


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize(("name", "code"), [("good", 0), ("better", 0), ("worse", 1)])
def test_check_finds_the_baseline_of_the_suite(name: str, code: int, runs: Path, call: Call) -> None:
    said = call("check", "--run", runs / name)
    assert said.code == code
    assert "baselines/smoke.json" in said.out


@pytest.mark.usefixtures("accepted")
def test_check_writes_every_form(runs: Path, call: Call, tmp_path: Path) -> None:
    targets = [tmp_path / "out" / name for name in ("verdict.json", "verdict.md", "junit.xml")]
    flags = [part for target in targets for part in ("--write", target)]
    said = call("check", "--run", runs / "worse", *flags, "--json")
    assert said.code == 1
    assert json.loads(said.out) == json.loads(targets[0].read_text())
    assert json.loads(said.out)["state"] == "regressed"
    assert targets[1].read_text().startswith("## eap-bench: regressed")
    assert targets[2].read_text().startswith("<?xml")


@pytest.mark.usefixtures("accepted")
def test_check_on_github(runs: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    said = call("check", "--run", runs / "worse", "--github")
    assert "::error title=Regressed::psnr of eap/neutral" in said.out
    assert "regressed" in (tmp_path / "summary.md").read_text()
    assert json.loads(call("check", "--run", runs / "worse", "--github", "--json").out)["exit_code"] == 1


@pytest.mark.usefixtures("accepted")
def test_check_shows_all_on_demand_and_restricts(runs: Path, call: Call) -> None:
    short, long = (call("check", "--run", runs / "good", *flag).out for flag in ([], ["--all"]))
    assert "m_lmd" not in short
    assert "m_lmd" in long
    assert call("check", "--run", runs / "worse", "--metrics", "m_lmd").code == 0
    assert call("check", "--run", runs / "worse", "--method", "ground-truth").code == 0


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["check", "--run", "r", "--suite", "s"], ["check", "--run", "r", "--write", "verdict.txt"]],
)
def test_usage_errors(arguments: list[str], call: Call) -> None:
    said = call(*arguments)
    assert (said.code, said.err.count("\n")) == (2, 1)


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize("command", [["check"], ["baseline", "accept"]])
def test_a_suite_is_run_first(command: list[str], runs: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def run(settings: object, **_: object) -> SimpleNamespace:
        asked.append(settings)
        return SimpleNamespace(root=runs / "good", from_cache=False, seconds=1.0, n_scored=96, records=[0] * 96)

    monkeypatch.setattr("benchmarks.runner.run", run)
    assert call(*command, "--suite", "smoke").code == 0
    assert len(asked) == 1


def test_accept_records_what_it_was(accepted: Path, runs: Path) -> None:
    file = read_file(accepted)
    info = json.loads((runs / "good" / "run.json").read_text())
    assert (file.suite, file.protocol, file.seed) == ("smoke", "strict", 7)
    assert (file.commit, file.command) == (info["commit"], info["command"])
    assert file.accepted.reason == "first"
    assert file.evaluators == info["evaluators"]
    assert file.clip_hash == snapshot_of_run(runs / "good").clip_hash
    assert {item.signature for item in file.series} == {f"{m}|protocol:strict|v1" for m in info["metrics"]}


def test_a_baseline_reads_back_as_the_run(accepted: Path, runs: Path) -> None:
    ours, theirs = read_baseline(accepted), snapshot_of_run(runs / "good")
    assert ours.clips == theirs.clips
    assert ours.methods == theirs.methods
    for key, series in theirs.series.items():
        assert ours.series[key].clips == series.clips
        assert ours.values(key) == theirs.values(key)
    assert ours.series.keys() == theirs.series.keys()


def test_a_baseline_is_small_and_a_line_a_series(accepted: Path) -> None:
    lines = accepted.read_text().splitlines()
    assert sum(line.startswith('{"metric"') for line in lines) == len(read_file(accepted).series)
    assert accepted.stat().st_size < 20_000


def test_accept_moves_and_says_what_changed(accepted: Path, runs: Path, call: Call) -> None:
    before = accepted.read_bytes()
    said = call("baseline", "accept", "--run", runs / "worse")
    assert "against the one before: regressed: 2 of" in said.out
    assert accepted.read_bytes() != before
    assert call("check", "--run", runs / "worse").code == 0


def test_accept_is_all_or_nothing(accepted: Path, runs: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    before = accepted.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert call("baseline", "accept", "--run", runs / "worse").code == 3
    assert accepted.read_bytes() == before
    assert [path.name for path in accepted.parent.iterdir()] == ["smoke.json"]


@pytest.mark.usefixtures("accepted")
def test_show_and_diff(runs: Path, call: Call) -> None:
    shown = json.loads(call("baseline", "show", "smoke", "--json").out)
    assert (shown["suite"], shown["clips"], shown["accepted"]["reason"]) == ("smoke", 24, "first")
    assert "reason: first" in call("baseline", "show").out
    said = call("baseline", "diff", "smoke", runs / "worse")
    assert (said.code, "psnr" in said.out) == (0, True)
    assert json.loads(call("baseline", "diff", "smoke", runs / "worse", "--json").out)["state"] == "regressed"
    missing = call("baseline", "show", "mead")
    assert (missing.code, "baselines here: smoke" in missing.err) == (2, True)


def test_noise_of_runs_that_are_given(runs: Path, call: Call, tmp_path: Path) -> None:
    arguments = ["noise", "--run", runs / "good", "--against", runs / "worse", "--write", tmp_path / "floors.toml"]
    said = json.loads(call(*arguments, "--json").out)
    moved = [row for row in said["rows"] if (row["metric"], row["method"], row["track"]) == ("psnr", "eap", "neutral")]
    assert moved[0]["mean"] == pytest.approx(3.0, abs=1e-5)
    assert said["floors"]["psnr"]["absolute"] >= 3.0
    from benchmarks.regression.config import read_floors

    assert read_floors(tmp_path / "floors.toml")["psnr"].absolute == said["floors"]["psnr"]["absolute"]
    assert "proposed floors" in call(*arguments).out


def test_noise_makes_the_runs_it_needs(runs: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def variant(source: str, run: Path, folder: Path, workers: int) -> Path:
        made.append(source)
        return runs / "good"

    monkeypatch.setattr("benchmarks.noise.make_variant", variant)
    assert call("noise", "--run", runs / "good").code == 0
    assert call("noise", "--run", runs / "good", "--source", "threads", "--source", "seed").code == 0
    assert made == ["re-encode", "threads", "seed"]
