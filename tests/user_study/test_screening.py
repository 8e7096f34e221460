from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.user_study.imagined_study import DESIGN, METHODS, TRUTH, design, simulation
from tests.user_study.small_study import DESIGN as SMALL
from tests.user_study.small_study import Clockwork, Robot, make_study
from user_study.design import parse_design
from user_study.imagined import imagined_stimuli
from user_study.progress import screening
from user_study.records import Tables
from user_study.screening import report_lines, screen
from user_study.simulate import simulate
from user_study.stimuli import Source
from user_study.store import Store

MIX = "honest=0.5,clicker=0.15,lazy=0.1,trap-failer=0.1,dropout=0.1,bad-line=0.05"


def tables() -> Tables:
    return simulation(24, MIX).tables


def test_who_is_paid_and_used_by_kind_of_rater() -> None:
    checked = screen(design(), tables()).raters
    used = {kind: [r.used for r in checked if r.model == kind] for kind in {r.model for r in checked}}
    assert sum(used["honest"]) >= 0.7 * len(used["honest"])
    assert not any(used["dropout"])
    assert all(not r.used or r.paid for r in checked)
    stalled = [r for r in checked if r.model == "bad-line"]
    assert all(not r.used and any("stalled" in why for why in r.reasons) for r in stalled)


ONE_TRAP = DESIGN.replace("trials = 24\nrepeats = 2", "trials = 12").replace(
    '[[blocks]]\nname = "pairs"\nquestions = ["better"]\ntrials = 12\n\n'
    '[[blocks]]\nname = "trace"\nquestions = ["course"]\ntrials = 12\n\n',
    "",
)
TWO_TRAPS = ONE_TRAP.replace(
    "[[gold]]", '[[traps]]\nblock = "rate"\nquestion = "emotion"\nanswer = "unsure"\n\n[[gold]]'
)


@pytest.mark.parametrize(
    ("text", "chance"),
    [
        # A clicker obeys one trap in five and hits it by luck else (1 answer of 5, of 9); gold takes 3 answers of 5.
        (ONE_TRAP, (0.2 + 0.8 / 5) * 0.6),
        (TWO_TRAPS, (0.2 + 0.8 / 5) * (0.2 + 0.8 / 9) * 0.6),
    ],
)
def test_few_clickers_get_through_and_fewer_with_every_trap(text: str, chance: float) -> None:
    parsed, n = parse_design(text), 120
    clips = imagined_stimuli(parsed, identities=4, sentences=1, methods=METHODS)
    crowd = simulate(parsed, text, clips, raters=n, mix={"clicker": 1.0}, truth=TRUTH, seed=1).tables
    passed = len(screen(parsed, crowd).used) / n
    assert abs(passed - chance) < 3 * (chance * (1 - chance) / n) ** 0.5
    assert passed < 0.25


def test_a_rater_can_be_paid_and_not_used() -> None:
    checked = screen(design(), tables()).raters
    assert any(r.paid and not r.used for r in checked)
    assert all(r.reasons for r in checked if not r.used)
    assert all(not r.reasons for r in checked if r.used)


def test_measures_by_hand() -> None:
    found = tables()
    name = next(r.rater for r in screen(design(), found).raters if r.model == "honest")
    mine = found.answers[found.answers["rater"] == name]
    trap, again = mine[mine["role"] == "trap"], mine[mine["role"] == "repeat"]
    measures = next(r.measures for r in screen(design(), found).raters if r.rater == name)
    assert measures["traps"] == float(trap["correct"].mean())
    assert measures["trials"] == 1.0
    first: Any = mine.set_index(["position", "question"])  # Any: the stubs' unions multiply beyond what mypy can check
    rows: list[Any] = list(again.itertuples())
    alike = [
        abs(row.value - first.loc[(row.repeat_of, row.question), "value"]) <= 1
        if row.kind == "acr"
        else row.answer == first.loc[(row.repeat_of, row.question), "answer"]
        for row in rows
    ]
    assert measures["repeats"] == sum(alike) / len(alike)
    trial = mine[mine["role"] == "trial"]
    assert measures["seconds"] == pytest.approx(float(trial["seconds"].median()))


def test_thresholds_come_from_the_design_alone() -> None:
    strict = design().model_copy(
        update={
            "screening": design().screening.model_copy(
                update={"used": design().screening.used.model_copy(update={"seconds_at_least": 1000.0})}
            )
        }
    )
    assert not screen(strict, tables()).used
    assert any("seconds" in line for line in report_lines(screen(strict, tables())))


def test_the_correlation_is_with_all_other_raters() -> None:
    found = tables()
    measures = {r.rater: r for r in screen(design(), found).raters}
    honest = [r.measures["rater_correlation"] or 0.0 for r in measures.values() if r.model == "honest"]
    click = [r.measures["rater_correlation"] or 0.0 for r in measures.values() if r.model == "clicker"]
    assert min(honest) > 0.2
    assert sum(click) / len(click) < 0.3


def test_nothing_to_measure_on_is_none_and_not_a_miss() -> None:
    found = tables()
    bare = replace(found, answers=found.answers[found.answers["role"] == "trial"])
    checked = screen(design(), bare)
    assert all(r.measures["traps"] is None for r in checked.raters)
    assert all(not any("traps" in why for why in r.reasons) for r in checked.raters)
    unmeasured = {words: none for _, words, _, _, none in checked.rules}
    assert unmeasured["traps followed"] == len(checked.raters)


def test_withdrawn_and_blocked_raters_are_never_used_and_nobody_is_forgotten() -> None:
    found = tables()
    raters = found.raters.copy()
    raters.loc[raters["model"] == "honest", "state"] = "withdrawn"
    checked = screen(design(), replace(found, raters=raters))
    assert len(checked.raters) == len(raters)
    assert all(r.reasons == ("withdrawn",) for r in checked.raters if r.model == "honest")


def test_frame_and_report_name_every_rater_left_out() -> None:
    checked = screen(design(), tables())
    assert isinstance(checked.frame(), pd.DataFrame)
    assert len(checked.frame()) == 24
    text = "\n".join(report_lines(checked))
    assert all(r.rater in text for r in checked.raters if not r.used)


def test_the_live_screening_counts_those_who_finished_alone(tmp_path: Path, clips: list[Source]) -> None:
    """Raters who are still at it have not answered all trials: that is no rule they miss."""
    rules = "[screening.paid]\ntrials_at_least = 1.0\n[screening.used]\ntraps_at_least = 1.0\ntrials_at_least = 1.0\n"
    study, _ = make_study(tmp_path / "study", f"{SMALL}\n{rules}", clips)
    store = Store(study)
    store.clock = Clockwork()  # type: ignore[assignment]
    Robot(store, seed=1).finish(most=5)
    with store.database.read() as connection:
        assert screening(connection, study) is None
    Robot(store, seed=2).finish()
    Robot(store, seed=3).finish()
    with store.database.read() as connection:
        found = screening(connection, study)
    store.close()
    assert found is not None
    assert (found["raters"], found["paid"]) == (2, 2)
    assert {(tier, words) for tier, words, _, _ in found["missed"]} <= {("used", "traps followed")}
    assert sum(missed for *_, missed in found["missed"]) == 2 - found["used"]
