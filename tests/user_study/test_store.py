"""The store, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from tests.user_study.small_study import Clockwork, Robot, answers, clock
from user_study import export, schema
from user_study.answers import Playback
from user_study.folder import StudyData
from user_study.session import Arrival, RefusedError
from user_study.store import Store


def done(store: Store, block: str) -> list[int]:
    with store.database.read() as connection:
        items = schema.items
        return list(connection.scalars(select(items.c.done).where(items.c.block == block).order_by(items.c.item)))


def test_a_whole_session_is_saved_and_exported(store: Store) -> None:
    robot = Robot(store)
    assert robot.finish() == "done"
    with store.database.read() as connection:
        tables = export.tables(connection, store.study)
    assert len(tables.answers) == len(robot.sent) == answers(store)
    # 1 training, 6 trials, 1 repeat, 1 gold, 1 trap, 2 pairs, 2 traces
    assert tables.answers.groupby("role")["position"].nunique().to_dict() == {
        "training": 1, "trial": 10, "repeat": 1, "gold": 1, "trap": 1,
    }  # fmt: skip
    assert list(tables.answers["answer"]) == [given.answer for given in robot.sent]
    assert set(tables.traces["rater"]) == {robot.rater}
    assert len(tables.traces) == 2 * 9
    row = tables.raters.iloc[0]
    assert (row["state"], row["trials_planned"], row["trials_done"], row["platform"]) == ("done", 13, 13, "direct")
    assert list(tables.questionnaire["answer"]) == ["18-29"]
    assert store.recount() == []
    assert sum(done(store, "ratings")) == 6


def test_pairs_name_the_method_that_was_chosen(store: Store) -> None:
    for seed in range(3):
        Robot(store, seed=seed).finish()
    with store.database.read() as connection:
        table = export.tables(connection, store.study).answers
    pairs = table[table["kind"] == "preference"]
    assert len(pairs) == 6
    for row in pairs.itertuples():
        expected = {"left": row.method, "right": row.method_b, "tie": ""}[str(row.answer)]
        assert str(row.chosen) == expected
        assert str(row.method) != str(row.method_b)


def test_the_same_answer_again_changes_nothing(store: Store) -> None:
    robot = Robot(store)
    robot.check()
    given = robot.given(store.state(robot.rater), "happy")
    clock(store).time += 10
    first, state = store.save(robot.rater, given)
    for _ in range(3):
        saved, again = store.save(robot.rater, given)
        assert saved.replayed
        assert (saved.correct, saved.feedback) == (first.correct, first.feedback)
        assert again == state
    assert answers(store) == 1


def test_another_answer_under_the_same_id_or_question_is_refused(store: Store) -> None:
    robot = Robot(store)
    robot.check()
    given = robot.given(store.state(robot.rater), "happy")
    clock(store).time += 10
    store.save(robot.rater, given)
    with pytest.raises(RefusedError, match="another answer"):
        store.save(robot.rater, given.model_copy(update={"answer": "sad"}))
    with pytest.raises(RefusedError, match="not the one"):
        store.save(robot.rater, given.model_copy(update={"id": "f" * 32}))
    assert answers(store) == 1


@pytest.mark.parametrize(
    ("update_of", "status"),
    [
        ({"answer": "furious"}, 422),
        ({"answer": "'; DROP TABLE answers; --"}, 422),
        ({"samples": ((0.0, 0.5),)}, 422),
        ({"playback": Playback(plays=1, watched=0.5)}, 422),
        ({"playback": Playback(plays=0, watched=1.0)}, 422),
        ({"question": "naturalness"}, 409),
        ({"trial": "x" * 22}, 404),
    ],
)
def test_answers_that_do_not_fit_change_nothing(store: Store, update_of: dict[str, object], status: int) -> None:
    robot = Robot(store)
    robot.check()
    given = robot.given(store.state(robot.rater), "happy")
    clock(store).time += 10
    before = store.state(robot.rater)
    with pytest.raises(RefusedError) as refused:
        store.save(robot.rater, given.model_copy(update=update_of))
    assert refused.value.status == status
    assert store.state(robot.rater) == before
    assert answers(store) == 0


def test_an_answer_faster_than_the_clip_is_refused(store: Store) -> None:
    robot = Robot(store)
    robot.check()
    given = robot.given(store.state(robot.rater), "happy")
    clock(store).time += 0.2  # the clip has 0.4 s
    with pytest.raises(RefusedError, match="cannot have been played"):
        store.save(robot.rater, given)
    clock(store).time += 0.2
    assert not store.save(robot.rater, given)[0].replayed


def test_training_explains_and_lets_try_again(store: Store) -> None:
    robot = Robot(store)
    robot.check()

    def give(answer: str) -> tuple[bool | None, bool, str]:
        given = robot.given(store.state(robot.rater), answer)
        clock(store).time += 10
        saved, _ = store.save(robot.rater, given)
        return saved.correct, saved.again, saved.feedback

    assert give("sad") == (False, True, "Most people see this differently. Watch it once more.")
    assert give("sad")[:2] == (False, False)  # two tries
    assert give("3") == (None, False, "")  # the second question of the trial is not explained
    assert store.state(robot.rater)["stage"] == "trials"
    assert give("happy") == (None, False, "")  # no feedback any more


def test_traces_must_follow_the_clip(store: Store) -> None:
    robot = Robot(store)
    robot.check()
    while store.state(robot.rater)["trial"]["kind"] != "trace":
        robot.step()
    given = robot.given(store.state(robot.rater))
    clock(store).time += 10
    half = tuple(sample for sample in given.samples if sample[0] < 0.2)
    for samples in ((), half, tuple(reversed(given.samples)), ((0.0, 0.1), (9.0, 0.2))):
        with pytest.raises(RefusedError):
            store.save(robot.rater, given.model_copy(update={"samples": samples}))
    store.save(robot.rater, given)


def test_dropouts_cells_return_and_the_rater_may_come_back(store: Store) -> None:
    robot = Robot(store)
    robot.finish(most=6)
    before = store.state(robot.rater)
    clock(store).time += 31 * 60
    assert store.release_dropouts() == 1
    with store.database.read() as connection:
        assert connection.scalar(select(func.sum(schema.items.c.pending))) == 0
    assert store.recount() == []
    assert store.resume(robot.rater) == "trials"  # where it stopped
    assert store.state(robot.rater) == before
    assert robot.finish() == "done"
    assert store.recount() == []


def test_a_session_that_is_too_old_is_over(store: Store) -> None:
    robot = Robot(store)
    robot.finish(most=4)
    late = robot.given(store.state(robot.rater))
    clock(store).time += 25 * 3600
    assert store.resume(robot.rater) == "expired"
    with pytest.raises(RefusedError, match="not open"):
        store.save(robot.rater, late)
    assert answers(store) == 4
    assert store.recount() == []


def test_a_clock_that_goes_backwards_harms_nobody(store: Store) -> None:
    robot = Robot(store)
    robot.finish(most=4)
    clock(store).time -= 10 * 24 * 3600
    assert store.release_dropouts() == 0
    assert store.resume(robot.rater) == "trials"
    given = robot.given(store.state(robot.rater))
    assert not store.save(robot.rater, given)[0].replayed


def test_withdrawing_deletes_and_gives_the_cells_back(store: Store) -> None:
    stays, leaves = Robot(store), Robot(store, Arrival("prolific", "a", "b", "c"), seed=1)
    stays.finish()
    leaves.finish(most=9)
    counted = done(store, "ratings")
    store.withdraw(leaves.rater)
    store.withdraw(leaves.rater)
    with store.database.read() as connection:
        left = set(connection.scalars(select(schema.answers.c.rater)))
        row = connection.execute(select(schema.raters).where(schema.raters.c.id == leaves.rater)).one()
    assert left == {stays.rater}
    assert (row.state, row.platform_rater, row.device) == ("withdrawn", "", "{}")
    assert sum(done(store, "ratings")) == 6 < sum(counted)
    assert store.recount() == []
    assert store.media(leaves.rater, leaves.sent[0].trial, "0") is None
    with pytest.raises(RefusedError):
        store.save(leaves.rater, leaves.sent[0])


def test_screened_out_raters_cells_are_filled_again_and_their_answers_kept(store: Store) -> None:
    robot = Robot(store)
    robot.finish()
    n = answers(store)
    assert store.exclude(robot.rater, "traps followed 0")
    assert not store.exclude(robot.rater, "again")
    assert sum(done(store, "ratings")) == 0
    assert answers(store) == n
    assert store.recount() == []


def test_platform_sessions(store: Store) -> None:
    arrival = Arrival("prolific", "person", "study", "session")
    first = store.consent(arrival)
    again = store.consent(arrival)
    assert again.rater == first.rater  # one rater, however often the form is sent
    assert again.token != first.token
    assert store.me(first.token) is None  # the old cookie is worth nothing
    with pytest.raises(RefusedError, match="already taken part"):
        store.consent(Arrival("prolific", "person", "study", "another"))
    assert store.reenter(Arrival("prolific", "person", "study", "guess")) is None
    assert store.reenter(Arrival("prolific", "person", "study", "")) is None


def test_many_raters_at_once_lose_and_double_nothing(store: Store) -> None:
    robots = [Robot(store, seed=seed) for seed in range(8)]
    problems: list[BaseException] = []

    def work(robot: Robot) -> None:
        try:
            robot.finish()
        except BaseException as error:  # shown by the assertion below
            problems.append(error)

    threads = [threading.Thread(target=work, args=(robot,)) for robot in robots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with store.database.read() as connection:
        ids = list(connection.scalars(select(schema.answers.c.id)))
    assert sorted(ids) == sorted(given.id for robot in robots for given in robot.sent)
    assert store.recount() == []
    cells = done(store, "ratings")
    assert sum(cells) == 8 * 6
    assert max(cells) - min(cells) <= 1


def test_the_same_seed_gives_the_same_sessions(study: StudyData, tmp_path: Path) -> None:
    shown = []
    for name in ("a", "b"):
        store = Store(study, f"sqlite:///{tmp_path / name}")
        store.clock = Clockwork()  # type: ignore[assignment]
        for seed in range(2):
            Robot(store, seed=seed).finish()
        with store.database.read() as connection:
            trials = schema.trials.c
            query = select(trials.position, trials.role, trials.stimuli).join(schema.raters)
            shown.append(connection.execute(query.order_by(schema.raters.c.number, trials.position)).all())
        store.close()
    assert shown[0] == shown[1]
    assert len(shown[0]) == 28


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile, the beginning or locking of a transaction included."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def locks(statement: str) -> bool:
    """Whether it makes other writers wait."""
    return "IMMEDIATE" in statement or "xact_lock" in statement or "UPDATE" in statement


def test_saving_an_answer_takes_few_statements(store: Store) -> None:
    """On PostgreSQL each is a way to the server and back while all other writers wait: they must not creep up."""
    robot = Robot(store)
    robot.check()
    state = store.state(robot.rater)
    sent: dict[str, list[int]] = {"open": [], "closed": []}
    while state["stage"] != "questions":
        given = robot.given(state)
        clock(store).time += 0.75  # not SWEEP_SECONDS in all: the first answer alone looks for silent raters
        with statements() as seen:
            _, after = store.answer(robot.token, given)
        closed = after["trial"] is None or after["trial"]["id"] != state["trial"]["id"]
        sent["closed" if closed else "open"].append(len(seen))
        state = after
    # Lock; rater, trials, answers; the answer, the rater.
    assert max(sent["open"][1:]) <= 6
    # And: the trial, the counts, the new trial, its counts.
    assert max(sent["closed"]) <= 10
    assert sent["open"][0] <= 6 + 1
    with statements() as seen:
        store.answer(robot.token, given)
    assert len(seen) <= 4  # a replay reads


def test_opening_a_page_reads_one_row_and_waits_for_nobody(store: Store) -> None:
    robot = Robot(store)
    robot.finish(most=3)
    with statements() as seen:
        me = store.visit(robot.token)
    assert me is not None
    assert me.stage == "trials"
    assert len(seen) <= 2
    with statements() as more:
        assert store.enter(robot.token) == store.state(robot.rater)
    assert len(more) <= 2 * 4
    assert not any(locks(one) for one in seen + more)
    with statements() as writing:
        store.release_dropouts()
    assert any(locks(one) for one in writing)


def test_looking_for_silent_raters_is_part_of_saving(store: Store) -> None:
    silent, busy = Robot(store), Robot(store, seed=1)
    silent.finish(most=4)
    busy.check()
    clock(store).time += 31 * 60
    busy.step()
    with store.database.read() as connection:
        rows = connection.execute(select(schema.raters.c.id, schema.raters.c.state)).all()
    states = {row.id: row.state for row in rows}
    assert states == {silent.rater: "dropped", busy.rater: "active"}
    me = store.visit(silent.token)
    assert me is not None
    assert me.stage == "trials"
    assert store.recount() == []


def test_a_cookie_that_is_worth_nothing_saves_nothing(store: Store) -> None:
    robot = Robot(store)
    robot.check()
    given = robot.given(store.state(robot.rater), "happy")
    clock(store).time += 10
    for token in ("", "x" * 43):
        assert store.visit(token) is None
        with pytest.raises(RefusedError) as refused:
            store.answer(token, given)
        assert refused.value.status == 401
        with pytest.raises(RefusedError):
            store.enter(token)
    assert answers(store) == 0
