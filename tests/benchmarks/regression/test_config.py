"""Floors, informational metrics and waivers of eap-bench.toml."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.regression.check import check
from benchmarks.regression.config import DEFAULT_FLOORS, Floor, GateConfig, load_config, read_floors
from benchmarks.regression.verdict import State, Verdict
from eap.errors import ConfigError
from metrics.registry import get_metric
from tests.benchmarks.regression.fake_runs import Fake, worsen, write

WAIVER = """
[[check.waivers]]
metric = "psnr"
method = "eap"
reason = "new decoder"
expires = 2026-06-30
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run, and one with less PSNR."""
    root = tmp_path_factory.mktemp("pair")
    return write(root / "old"), write(root / "new", Fake(change=worsen("psnr", -3.0)))


def verdict_with(text: str, pair: tuple[Path, Path], today: date = date(2026, 6, 1)) -> Verdict:
    Path("eap-bench.toml").write_text(text)
    return check(pair[1], pair[0], load_config(), today=today)


def test_the_projects_own_floors_are_whole_and_of_known_metrics() -> None:
    floors = read_floors(DEFAULT_FLOORS)
    assert all(floor.absolute is not None and floor.relative is not None for floor in floors.values())
    assert [get_metric(name).spec.name for name in floors if name != "default"] == [n for n in floors if n != "default"]


def test_no_file_means_defaults() -> None:
    assert load_config() == GateConfig()


def test_a_users_floor_fills_up_from_the_default() -> None:
    Path("eap-bench.toml").write_text("[check.floors.psnr]\nabsolute = 5.0\n")
    floor = load_config().floor("psnr")
    assert floor.absolute == 5.0
    assert floor.relative == GateConfig().floor("psnr").relative


def test_a_floor_from_the_file_decides(pair: tuple[Path, Path]) -> None:
    assert verdict_with("", pair).outcome.code == 1
    assert verdict_with("[check.floors.psnr]\nabsolute = 5.0\n", pair).outcome.code == 0


def test_informational_metrics_are_shown_and_never_fail(pair: tuple[Path, Path]) -> None:
    verdict = verdict_with('[check]\ninformational = ["psnr"]\n', pair)
    assert verdict.outcome.code == 0
    shown = [item for item in verdict.comparisons if item.metric == "psnr"]
    assert {item.gated for item in shown} == {False}
    assert State.REGRESSED in {item.state for item in shown}
    assert "informational by eap-bench.toml" in shown[0].why


def test_a_waiver_holds_until_its_day_is_over(pair: tuple[Path, Path]) -> None:
    held = verdict_with(WAIVER, pair, date(2026, 6, 30))
    assert held.outcome.code == 0
    assert {item.waiver.reason for item in held.waived if item.waiver} == {"new decoder"}
    assert (held.expired, held.unused) == ((), ())
    over = verdict_with(WAIVER, pair, date(2026, 7, 1))
    assert over.outcome.code == 1
    assert len(over.expired) == 1


def test_a_waiver_that_nothing_needs_is_listed(pair: tuple[Path, Path]) -> None:
    Path("eap-bench.toml").write_text(WAIVER)
    verdict = check(pair[0], pair[0], load_config(), today=date(2026, 6, 1))
    assert (verdict.outcome.code, len(verdict.unused)) == (0, 1)


def test_a_waiver_for_another_row_does_not_help(pair: tuple[Path, Path]) -> None:
    assert verdict_with(WAIVER.replace('"eap"', '"ground-truth"'), pair).outcome.code == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[check]\ncolour = 1\n", "check.colour"),
        ("check = 3\n", "'check' is not a table"),
        ('[check]\ninformational = ["beauty"]\n', "unknown metric 'beauty'"),
        ("[check.floors.beauty]\nabsolute = 1\n", "unknown metric 'beauty'"),
        ("[check.floors.psnr]\nabsolute = -1\n", "check.floors.psnr.absolute"),
        ("[check.floors.psnr]\nabsolute = nan\n", "check.floors.psnr.absolute"),
        ("[check]\nconfidence = 1.5\n", "check.confidence"),
        (WAIVER.replace('reason = "new decoder"\n', ""), "check.waivers.0.reason"),
        (WAIVER.replace("new decoder", ""), "check.waivers.0.reason"),
        (WAIVER.replace("expires = 2026-06-30\n", ""), "check.waivers.0.expires"),
        (WAIVER.replace("2026-06-30", '"soon"'), "check.waivers.0.expires"),
        (WAIVER.replace('"psnr"', '"pnsr"'), "unknown metric 'pnsr'"),
        ("[check\n", "eap-bench.toml"),
    ],
)
def test_wrong_settings_name_the_key(text: str, message: str) -> None:
    Path("eap-bench.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"eap-bench\.toml") as caught:
        load_config()
    assert message in str(caught.value)


def test_options_of_the_command_may_stand_in_the_same_table() -> None:
    Path("eap-bench.toml").write_text('[check]\nsuite = "smoke"\nstrict = true\nbaseline = "b.json"\n')
    assert load_config().strict


def test_floors_without_a_default_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text("[psnr]\nabsolute = 1.0\n")
    with pytest.raises(ConfigError, match=r"no \[default\]"):
        read_floors(tmp_path / "f.toml")


def test_a_relative_floor_grows_with_the_value() -> None:
    assert Floor(absolute=0.1, relative=0.02).size(2.0) == 0.1
    assert Floor(absolute=0.1, relative=0.02).size(50.0) == 1.0
