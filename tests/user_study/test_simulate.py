from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from eap.constants import EMOTIONS
from eap.errors import ConfigError
from tests.user_study.imagined_study import DESIGN, METHODS, TRUTH, design, simulation
from user_study.imagined import imagined_intensity, imagined_stimuli
from user_study.rater_kinds import DEFAULT_MIX, KINDS, head_count, parse_mix
from user_study.records import read_tables, write_tables
from user_study.simulate import default_truth, simulate


def test_same_seed_same_tables_other_seed_others() -> None:
    stimuli = imagined_stimuli(design(), identities=2, sentences=1, methods=METHODS)
    runs = [simulate(design(), DESIGN, stimuli, raters=3, truth=TRUTH, seed=s).tables for s in (1, 1, 2)]
    pd.testing.assert_frame_equal(runs[0].answers, runs[1].answers)
    assert not runs[0].answers.equals(runs[2].answers)


def test_tables_are_those_of_an_export(tmp_path: Path) -> None:
    found = simulation(24).tables
    write_tables(tmp_path, found)
    back = read_tables(tmp_path)
    for name in ("answers", "raters", "stimuli", "traces", "intensity"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(found, name))
    assert back.design_text == DESIGN


def test_sessions_have_what_the_design_asks_and_never_one_sentence_twice_in_a_row() -> None:
    found = simulation(24).tables
    done = found.raters.loc[found.raters["state"] == "done", "rater"]
    for name in done[:4]:
        mine = found.answers[found.answers["rater"] == name]
        roles = mine.drop_duplicates("position")["role"].value_counts().to_dict()
        assert roles == {"trial": 48, "repeat": 2, "gold": 1, "trap": 1}
        rated = mine[mine["block"] == "trace"].sort_values("position")
        sentences = (rated["identity"] + rated["sentence"]).tolist()
        assert all(a != b for a, b in pairwise(sentences))
    counts = found.answers[(found.answers["role"] == "trial") & (found.answers["question"] == "naturalness")]
    used = counts[counts["rater"].isin(done)]
    cells = used.groupby(["method", "emotion", "identity"]).size()
    assert cells.max() - cells.min() <= 2


def test_kinds_do_what_they_say() -> None:
    found = simulation(72, "honest=0.34,clicker=0.33,fear-surprise=0.33").tables
    answers = found.answers.merge(found.raters[["rater", "model"]], on="rater")
    trial = answers[(answers["role"] == "trial") & (answers["question"] == "emotion")]
    trial = trial.assign(right=(trial["answer"] == trial["emotion"]).astype(float))

    def right(model: str, *emotions: str) -> float:
        mine = trial[(trial["model"] == model) & (trial["emotion"].isin(emotions or EMOTIONS))]
        return float(mine["right"].mean())

    assert right("honest") > 0.5
    assert right("clicker") < 0.25
    assert right("fear-surprise", "fear", "surprised") < 0.3
    assert right("fear-surprise", "happy", "angry") > 0.45
    taken = trial[(trial["model"] == "fear-surprise") & (trial["emotion"] == "fear")]["answer"]
    assert taken.mode()[0] == "surprised"
    traps = answers[answers["role"] == "trap"].groupby("model")["correct"].mean()
    assert traps["honest"] > 0.8
    # 24 clickers, each obeys one trap in five and hits it by luck in one more of five: .36, give or take .1.
    assert traps["clicker"] < 0.6


def test_ratings_follow_the_truth() -> None:
    found = simulation(24, "honest=1").tables.answers
    trial = found[(found["role"] == "trial") & (found["question"] == "naturalness")]
    means = trial.groupby("method")["value"].mean()
    for method in METHODS:
        assert abs(means[method] - TRUTH.quality[method]) < 0.45
    assert list(means.sort_values(ascending=False).index) == list(METHODS)


def test_pairs_name_what_was_chosen() -> None:
    found = simulation(24).tables.answers
    pair = found[found["question"] == "better"]
    left, right, tie = (pair[pair["answer"] == a] for a in ("left", "right", "tie"))
    assert (left["chosen"] == left["method"]).all()
    assert (right["chosen"] == right["method_b"]).all()
    assert (tie["chosen"] == "").all()
    assert set(tie["value"]) == {0.5}
    assert 0.35 < len(left) / (len(left) + len(right)) < 0.65


def test_mix_and_head_count() -> None:
    assert parse_mix("honest=3,clicker=1") == {"honest": 0.75, "clicker": 0.25}
    assert sorted(head_count({"honest": 0.75, "clicker": 0.25}, 5)) == [
        "clicker",
        "honest",
        "honest",
        "honest",
        "honest",
    ]
    assert len(head_count(DEFAULT_MIX, 37)) == 37
    assert set(DEFAULT_MIX) == set(KINDS)
    for wrong in ("angel=1", "honest=x", "honest=-1", "honest=0", "honest=nan"):
        with pytest.raises(ConfigError):
            parse_mix(wrong)


def test_default_truth_puts_the_ground_truth_on_top() -> None:
    truth = default_truth(["b", "ground-truth", "a"])
    assert max(truth.quality, key=lambda m: truth.quality[m]) == "ground-truth"
    assert truth.quality["b"] > truth.quality["a"]


def test_imagined_courses_move_and_still_methods_do_not_follow() -> None:
    stimuli = imagined_stimuli(design(), identities=1, sentences=1, methods=METHODS)
    rows = pd.DataFrame(imagined_intensity(stimuli))
    moves = {key: float(part.std()) for key, part in rows.groupby(["name", "method"])["value"]}
    assert min(moves["intensity_true", m] for m in METHODS) > 0.05
    assert moves["intensity", "still-image"] < 0.3 * moves["intensity", "ground-truth"]
