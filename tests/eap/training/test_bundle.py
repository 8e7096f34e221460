"""The whole rebuild, very small: every stage runs, leaves its record, and is not done twice."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from eap.bundle.store import read_manifest, verify
from eap.errors import ConfigError, DataError
from eap.inference import Model
from eap.training import bundle, recipes
from eap.training.bundle import STAGES, TALKERS, DataPlan, Workshop, main, records, run_stages

TINY = {
    "mead": DataPlan(identities=(0, 4), levels=(3,), per_identity=1, seconds=1.4),
    "wild": DataPlan(identities=(100, 103), levels=(3,), per_identity=1, wild=True, seconds=1.4),
    "judges": DataPlan(identities=(1000, 1004), levels=(3,), per_identity=1, seconds=1.4),
    "faces": DataPlan(identities=(1040, 1044), levels=(3,), per_identity=1, moments=5),
}


@pytest.mark.slow
def test_everything_bundled_can_be_rebuilt_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "DATA", TINY)
    real = recipes.load_recipe
    monkeypatch.setattr(
        recipes,
        "load_recipe",
        lambda name: dataclasses.replace(
            real(name), steps=3, voice_steps=1, voice_batch=8, picks=1, finish=recipes.Finish(steps=1)
        ),
    )
    said: list[str] = []
    shop = Workshop(tmp_path / "work", tmp_path / "weights", seconds=0.5, say=said.append)
    run_stages(shop)
    entries = read_manifest(shop.bundle)
    judges = {name for name in entries if name.startswith("judge-")}
    assert set(entries) == {*TALKERS, "teacher", "psi", *judges}
    assert len(judges) == 5
    assert set(records(shop.work)) == set(STAGES)
    assert verify(shop.bundle) == []
    assert entries["eap"].base == "ant" and any(key.startswith("E_I.") for key in entries["eap"].from_base)
    assert Model.from_bundle("eap", shop.bundle).prototypes is not None
    assert not Model.from_bundle("ant", shop.bundle).emotional
    said.clear()
    run_stages(shop)
    assert said == [f"{stage}: done before" for stage in STAGES]


def test_a_stage_without_its_inputs_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Workshop(tmp_path, tmp_path / "weights", say=lambda text: None)
    with pytest.raises(DataError, match="no training cache here"):
        run_stages(shop, ("teacher",))
    with pytest.raises(ConfigError, match="unknown stage 'dinner'"):
        run_stages(shop, ("dinner",))
    assert main(["--work", str(tmp_path), "--only", "dinner"]) == 2
    assert "error: unknown stage 'dinner'" in capsys.readouterr().err


def test_wild_clips_come_without_labels_and_plans_are_repeatable() -> None:
    plan = bundle.DATA["wild"]
    specs = plan.specs()
    assert len(specs) == 160 * 4
    assert all(spec.wild for spec in specs)
    assert len({spec.emotion for spec in specs}) == 8
    assert specs == plan.specs()
    assert not {spec.sentence for spec in bundle.DATA["mead"].specs()} & set(range(200, 300))
