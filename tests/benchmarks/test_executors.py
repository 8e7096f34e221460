from __future__ import annotations

import os
import signal
import time

import pytest

from benchmarks.executors import LocalExecutor, SerialExecutor, default_workers, make_executor
from eap.errors import ConfigError, DataError


def double(number: int) -> int:
    return 2 * number


def environment(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def die_on_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return number


def refuse(number: int) -> int:
    raise DataError(f"item {number}", fix="leave it")


def test_serial_and_pool_give_the_same_results() -> None:
    items = list(range(12))
    serial = {outcome.item: outcome.result for outcome in SerialExecutor().map(double, items)}
    pooled = {outcome.item: outcome.result for outcome in LocalExecutor(2).map(double, items)}
    assert serial == pooled == {item: 2 * item for item in items}


def test_workers_use_one_thread_each_and_the_parent_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert [outcome.result for outcome in LocalExecutor(1).map(environment, [0])] == ["1"]
    assert os.environ["OMP_NUM_THREADS"] == "5"


def test_a_worker_that_dies_costs_one_item() -> None:
    outcomes = {outcome.item: outcome for outcome in LocalExecutor(2).map(die_on_three, list(range(8)))}
    assert sorted(outcomes) == list(range(8))
    assert [item for item, outcome in outcomes.items() if outcome.crash] == [3]
    assert all(outcome.result == item for item, outcome in outcomes.items() if item != 3)


def test_an_error_comes_through_with_its_fix() -> None:
    with pytest.raises(DataError) as caught:
        list(LocalExecutor(1).map(refuse, [4]))
    assert str(caught.value) == "item 4; leave it"


def test_names_and_numbers_are_checked() -> None:
    assert isinstance(make_executor("local", 1), SerialExecutor)
    assert make_executor("local", 3) == LocalExecutor(3)
    with pytest.raises(ConfigError, match="no executor named 'cloud'"):
        make_executor("cloud", 1)
    with pytest.raises(ConfigError, match="--workers is 0"):
        make_executor("local", 0)
    assert default_workers() >= 1
