"""Recipes, batches and the loop: typed, stateless, resumable to the same weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from eap.constants import EMOTIONS, NEUTRAL
from eap.data.arrays import ArraySet
from eap.errors import ConfigError, DataError
from eap.model.intensity import IntensityRegressor
from eap.perception.teachers import FaceTeacher
from eap.training.batches import METRIC_CLIPS, NEUTRAL_SHARE, Batches
from eap.training.bundle import DATA, STAGES, TALKERS
from eap.training.loop import Trainer
from eap.training.recipes import Finish, LossWeights, Optim, Recipe, load_recipe
from eap.training.terms import Teachers, displacement, lip_shape
from tests.eap.small_model import SMALL
from tests.eap.training.small_run import write_small_arrays


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> ArraySet:
    """Two identities, all emotions, two sentences; every pixel of a clip tells identity, emotion and sentence."""
    return write_small_arrays(tmp_path_factory.mktemp("arrays") / "a")


def recipe(phase: str, **changes: object) -> Recipe:
    base = Recipe("test", phase, steps=4, batch=8, window=8, picks=2, optim=Optim(warmup=1, adversary_from=0.5))
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def teachers() -> Teachers:
    torch.manual_seed(0)
    return Teachers(FaceTeacher(), IntensityRegressor())


def person_of(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels[..., 0, 0, 0] * 255 / 100).round()


def emotion_of(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels[..., 1, 0, 0] * 255 / 20).round().long()


def test_all_packaged_recipes_load_and_share_what_an_ablation_must_share() -> None:
    rows = {name: load_recipe(name) for name in TALKERS}
    full = rows["eap"]
    for name in ("no-neutralization", "no-intensity"):
        row = rows[name]
        assert (row.steps, row.batch, row.picks, row.window) == (full.steps, full.batch, full.picks, full.window)
        assert (row.reference, row.phase, row.seed) == (full.reference, full.phase, full.seed)
        assert row.finish == full.finish
        alike = ("pixel", "per", "lip", "adv", "e_adv", "cls", "aux_lip", "aux_face", "aux_shape", "aux_va", "aux_look")
        for weight in alike:
            assert getattr(row.weights, weight) == getattr(full.weights, weight), (name, weight)
    assert rows["no-neutralization"].init == "ant-wild" and full.init == "ant"
    assert rows["no-intensity"].constant_alpha and rows["no-intensity"].weights.inten == 0 < full.weights.inten


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('phase = "wild"\nsteps = 5\ncolour = 1', "unknown setting 'colour'"),
        ('phase = "wild"\nsteps = "five"', "steps is 'five', expected int"),
        ('phase = "dream"\nsteps = 5', "phase 'dream'"),
        ('phase = "wild"\nsteps = 5\n[weights]\nlips = 2', r"unknown setting 'lips'"),
        ("phase = ", "not TOML"),
    ],
)
def test_a_wrong_recipe_names_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        load_recipe(tmp_path / "mine.toml")
    with pytest.raises(ConfigError, match="no such recipe"):
        load_recipe("nothing")


def test_neutralize_shows_an_emotional_reference_and_seven_other_emotions(arrays: ArraySet) -> None:
    rule = recipe("neutralize", reference="emotional", weights=LossWeights(metric=1.0))
    batch = Batches(arrays, rule).draw(3)
    assert (batch.emotion == NEUTRAL).all()
    assert batch.target is not None
    assert (emotion_of(batch.target) == NEUTRAL).all()
    assert (emotion_of(batch.image) != NEUTRAL).all()
    assert torch.equal(person_of(batch.image), person_of(batch.target)[:, 0])
    assert batch.negatives is not None and batch.negatives.shape == (METRIC_CLIPS, 7, 3, 32, 32)
    others = emotion_of(batch.negatives)
    assert all(sorted(row.tolist()) == [e for e in range(8) if e != NEUTRAL] for row in others)
    sentence = batch.target[:METRIC_CLIPS, 0, 2, 0, 0]
    assert torch.equal(batch.negatives[:, :, 2, 0, 0], sentence[:, None].expand(-1, 7)), (
        "same sentence where there is one"
    )


def test_represent_has_every_emotion_in_a_batch_and_a_neutral_reference(arrays: ArraySet) -> None:
    batch = Batches(arrays, recipe("represent", reference="neutral")).draw(0)
    assert sorted(batch.emotion.tolist()) == list(range(len(EMOTIONS)))
    assert (emotion_of(batch.image) == NEUTRAL).all()
    assert batch.target is not None
    assert torch.equal(emotion_of(batch.target)[:, 0], batch.emotion)


def test_references_of_any_emotion_are_half_neutral(arrays: ArraySet) -> None:
    batches = Batches(arrays, recipe("represent", reference="any"))
    shown = torch.cat([emotion_of(batches.draw(step).image) for step in range(60)])
    neutral = float((shown == NEUTRAL).float().mean())
    assert abs(neutral - NEUTRAL_SHARE) < 4 * (NEUTRAL_SHARE * (1 - NEUTRAL_SHARE) / len(shown)) ** 0.5
    assert set(shown.tolist()) == set(range(len(EMOTIONS)))


def test_a_batch_depends_on_seed_and_step_alone(arrays: ArraySet) -> None:
    a, b = (
        Batches(arrays, recipe("represent", reference="neutral")),
        Batches(arrays, recipe("represent", reference="neutral")),
    )
    a.draw(0)
    assert torch.equal(a.draw(5).mel, b.draw(5).mel)
    assert not torch.equal(a.draw(5).mel, a.draw(6).mel)


def test_windows_longer_than_every_clip_are_refused(arrays: ArraySet) -> None:
    with pytest.raises(DataError, match="no clip of more than 40 frames"):
        Batches(arrays, recipe("represent", window=40))


@pytest.mark.slow
def test_a_killed_training_resumes_to_the_same_weights(arrays: ArraySet, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    rule = recipe(
        "represent",
        reference="neutral",
        weights=LossWeights(
            adv=0.1, e_adv=0.1, cls=1.0, inten=1.0, aux_lip=1.0, aux_face=1.0, aux_shape=1.0, aux_va=1.0, aux_look=1.0
        ),
    )
    whole = Trainer(rule, arrays, teachers(), tmp_path / "whole", config=SMALL).run()
    first = Trainer(rule, arrays, teachers(), tmp_path / "cut", config=SMALL)
    for step in range(3):  # past the adversary's start
        first._one_step(step)
        first.step += 1
    first._checkpoint()
    resumed = Trainer(rule, arrays, teachers(), tmp_path / "cut", config=SMALL)
    assert resumed.step == 3
    again = resumed.run()
    for (name, a), b in zip(whole.talker.state_dict().items(), again.talker.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert (tmp_path / "cut" / "samples.png").read_bytes().startswith(b"\x89PNG")
    assert {"cls", "inten", "e_adv", "d"} <= set(again.log)
    with pytest.raises(DataError, match="checkpoint of another recipe"):
        Trainer(dataclasses.replace(rule, seed=9), arrays, teachers(), tmp_path / "cut", config=SMALL)


def test_frozen_parts_and_teachers_do_not_move(arrays: ArraySet, tmp_path: Path) -> None:
    rule = recipe("represent", reference="neutral", steps=1, freeze=("E_I",))
    trainer = Trainer(rule, arrays, teachers(), tmp_path, config=SMALL)
    before = {k: v.clone() for k, v in trainer.talker.state_dict().items()}
    teacher = {k: v.clone() for k, v in trainer.teachers.face.state_dict().items()}
    trainer.run()
    after = trainer.talker.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before if k.startswith("E_I."))
    assert any(not torch.equal(before[k], after[k]) for k in before if k.startswith("G."))
    assert all(torch.equal(teacher[k], v) for k, v in trainer.teachers.face.state_dict().items())


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(arrays: ArraySet, tmp_path: Path) -> None:
    trainer = Trainer(recipe("represent", reference="neutral"), arrays, teachers(), tmp_path, config=SMALL)
    trainer._checkpoint()
    kept = (tmp_path / "checkpoint.pt").read_bytes()
    with torch.no_grad():
        next(trainer.talker.G.parameters()).fill_(float("nan"))
    with pytest.raises(DataError, match="not finite at step 0"):
        trainer.run()
    assert (tmp_path / "checkpoint.pt").read_bytes() == kept


def test_shapes_ignore_where_the_face_is() -> None:
    points = torch.rand(2, 68, 2)
    assert torch.allclose(lip_shape(points), lip_shape(points + 0.3), atol=1e-5)
    assert torch.allclose(displacement(points + 0.2, points), torch.zeros(2, 102), atol=1e-5)


def test_training_suites_and_judges_share_no_identity() -> None:
    ranges = {name: set(range(*plan.identities)) for name, plan in DATA.items()}
    assert not (ranges["judges"] | ranges["faces"]) & (ranges["mead"] | ranges["wild"])
    assert max(max(r) for r in ranges.values()) < 2000
    assert set(TALKERS) <= set(STAGES)


def test_finishing_steps_hold_less_to_landmarks_and_restart_the_rate() -> None:
    rule = recipe(
        "represent", weights=LossWeights(lip=40.0, aux_face=20.0, aux_look=5.0, pixel=10.0), finish=Finish(steps=3)
    )
    assert rule.all_steps == rule.steps + 3
    assert rule.weights_at(rule.steps - 1) == rule.weights
    late = rule.weights_at(rule.steps)
    assert (late.lip, late.aux_face, late.aux_look, late.pixel) == (4.0, 2.0, 0.5, 10.0)


def test_a_run_with_finishing_steps_ends_after_them(arrays: ArraySet, tmp_path: Path) -> None:
    rule = recipe("wild", finish=Finish(steps=2))
    trainer = Trainer(rule, arrays, teachers(), tmp_path, config=SMALL)
    trainer.run()
    assert trainer.step == rule.steps + 2
    rates = [trainer._schedule(step) for step in range(rule.steps, rule.all_steps)]
    assert rates[0] == pytest.approx(0.3)
    assert rates[1] < rates[0]
