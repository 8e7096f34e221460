from __future__ import annotations

import pytest

from benchmarks.cli.ranges import count_or_numbers, parse_numbers
from eap.errors import ConfigError


def test_numbers_and_ranges() -> None:
    assert parse_numbers("3,1-2, 2", "--x", low=0, high=9) == [3, 1, 2]
    with pytest.raises(ConfigError, match="outside 0 to 9"):
        parse_numbers("8-10", "--x", low=0, high=9)


def test_a_single_number_is_a_count() -> None:
    assert count_or_numbers("3", "--x", first=10, high=99) == [10, 11, 12]
    assert count_or_numbers("3-3", "--x", first=10, high=99) == [3]
    assert count_or_numbers("3,12", "--x", first=10, high=99) == [3, 12]
    assert len(count_or_numbers("90", "--x", first=10, high=99)) == 90


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0", "0 is nobody and nothing; give 1 or more"),
        ("91", "91 means 91 of them, from 10 on: too many; 91-91 is number 91 alone"),
        ("5000", "too many; at most 90"),
        ("-4", "is not a number or a range"),
        ("2.5", "is not a number or a range"),
        ("", "is not a number or a range"),
    ],
)
def test_bad_counts(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match="--x") as error:
        count_or_numbers(text, "--x", first=10, high=99)
    assert words in str(error.value)
