"""Plans and single-factor rows: typed, overridable, and different in what they say they differ in."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from eap.errors import ConfigError
from eap.training.bundle import SINGLE_FACTOR, STAGES
from eap.training.plan import is_plan, load_plan, shortened
from eap.training.recipes import Recipe, load_recipe

PLAN = '[phases.a]\nphase = "wild"\nsteps = 4\n'


def differences(one: Recipe, other: Recipe) -> dict[str, tuple[object, object]]:
    """Settings that differ, but for name and title."""
    a, b = (r.to_dict() | {f"weights.{k}": v for k, v in dataclasses.asdict(r.weights).items()} for r in (one, other))
    return {k: (a[k], b[k]) for k in a if k not in ("name", "title", "weights") and a[k] != b[k]}


def test_single_factor_rows_lack_one_loss_and_nothing_else() -> None:
    ant, full = load_recipe("ant"), load_recipe("eap")
    assert ant.weights.metric > 0 and full.weights.inten > 0
    assert differences(load_recipe("ant-no-metric-loss"), ant) == {"weights.metric": (0.0, ant.weights.metric)}
    assert differences(load_recipe("no-metric-loss"), full) == {"init": ("ant-no-metric-loss", "ant")}
    assert differences(load_recipe("no-inten-loss"), full) == {"weights.inten": (0.0, full.weights.inten)}
    assert not load_recipe("no-inten-loss").constant_alpha
    assert not set(SINGLE_FACTOR) & set(STAGES)


def test_a_base_may_lie_beside_and_may_not_go_round(tmp_path: Path) -> None:
    (tmp_path / "below.toml").write_text('phase = "wild"\nsteps = 7\n[weights]\nlip = 3.0\nper = 2.0\n')
    (tmp_path / "mine.toml").write_text('base = "below"\nseed = 5\n[weights]\nlip = 4.0\n')
    mine = load_recipe(tmp_path / "mine.toml")
    assert (mine.name, mine.steps, mine.seed) == ("mine", 7, 5)
    assert (mine.weights.lip, mine.weights.per) == (4.0, 2.0)
    (tmp_path / "round.toml").write_text('base = "round"\n')
    with pytest.raises(ConfigError, match="bases that never end"):
        load_recipe(tmp_path / "round.toml")
    (tmp_path / "lost.toml").write_text('base = "nowhere"\n')
    with pytest.raises(ConfigError, match="nowhere: no such recipe"):
        load_recipe(tmp_path / "lost.toml")


def test_the_shipped_plan_is_the_papers_three_phases_at_256() -> None:
    plan = load_plan("paper-256")
    assert [(p.name, p.phase, p.init) for p in plan.phases] == [
        ("ant-wild", "wild", ""),
        ("ant", "neutralize", "ant-wild"),
        ("eap", "represent", "ant"),
    ]
    assert plan.model.size == 256 and plan.teachers == "published"
    assert set(plan.exclude) == {"M003", "M030", "W009", "W015"}
    assert plan.phase("ant").weights.metric > 0 and plan.phase("eap").weights.inten > 0
    assert is_plan("paper-256") and is_plan("mine.toml") and not is_plan("eap") and not is_plan("bundle")
    with pytest.raises(ConfigError, match="no phase 'era'"):
        plan.phase("era")


def test_values_of_a_plan_can_be_replaced() -> None:
    changes = ["model.size=128", "phases.eap.weights.inten=3.5", "teachers=bundled", "scale.micro_batches = 2"]
    plan = load_plan("paper-256", [*changes, 'exclude=["M003"]'])
    assert plan.model.size == 128 and plan.phase("eap").weights.inten == 3.5
    assert (plan.teachers, plan.scale.micro_batches, plan.exclude) == ("bundled", 2, ("M003",))
    trial = shortened(plan, 6)
    assert all(((p.steps, p.all_steps) == (6, 6) and p.voice_steps == 3) or p.name == "ant" for p in trial.phases)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no phases"),
        ("colour = 1\n" + PLAN, "unknown setting 'colour'"),
        ('[model]\nsize = "big"\n' + PLAN, r"\[model\]: size is 'big'"),
        ("[model]\nimage_channels = [1, 2]\n" + PLAN, "image_channels is"),
        ("[scale]\nspeed = 3\n" + PLAN, r"\[scale\]: unknown setting 'speed'"),
        ("[discriminator]\nchannels = [1]\n" + PLAN, "four numbers"),
        ('teachers = "mine"\n' + PLAN, "teachers 'mine'"),
        ('log_every = "often"\n' + PLAN, "log_every is 'often', expected int"),
        (PLAN + '[phases.b]\nphase = "wild"\nsteps = 1\ninit = "c"\n', "starts from 'c', which does not come before"),
        (PLAN + "wheels = 4\n", r"\[phases.a\]: unknown setting 'wheels'"),
        ('judges = ["fan"]\n' + PLAN, "'fan' cannot teach what 'fan' judges"),
        (
            'judges = ["syncnet", "hsemotion-va"]\n' + PLAN,
            "'hsemotion-teacher' cannot teach what 'hsemotion-va' judges",
        ),
        ("judges = 3\n" + PLAN, "expected a list of names"),
        ("phases = 3\n", r"\[phases\] is 3, expected a table"),
        ("x = ", "not TOML"),
    ],
)
def test_a_wrong_plan_names_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        load_plan(tmp_path / "mine.toml")


def test_wrong_changes_and_names_are_named() -> None:
    with pytest.raises(ConfigError, match="not NAME=VALUE"):
        load_plan("paper-256", ["model.size"])
    with pytest.raises(ConfigError, match="'teachers' is a value, not a table"):
        load_plan("paper-256", ["teachers.lip=fan"])
    with pytest.raises(ConfigError, match="nothing: no such plan"):
        load_plan("nothing")
