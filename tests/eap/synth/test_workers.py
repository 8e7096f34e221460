from __future__ import annotations

import os

import pytest

from eap.errors import DataError
from eap.synth.workers import ordered_map


def double(number: int) -> int:
    return 2 * number


def process(_: int) -> int:
    return os.getpid()


def refuse(number: int) -> int:
    if number == 3:
        raise DataError(f"clip {number} cannot be made", fix="leave it out")
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers: int) -> None:
    assert list(ordered_map(double, range(7), workers)) == [0, 2, 4, 6, 8, 10, 12]


def test_several_processes_work() -> None:
    assert os.getpid() not in set(ordered_map(process, range(8), 2))
    assert set(ordered_map(process, range(3), 1)) == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_keep_their_kind_and_fix(workers: int) -> None:
    with pytest.raises(DataError, match="clip 3 cannot be made; leave it out"):
        list(ordered_map(refuse, range(6), workers))
