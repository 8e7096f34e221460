"""Numbers on the command line: ``2000-2003,2010`` -> 2000, 2001, 2002, 2003, 2010; ``4`` -> how many."""

from __future__ import annotations

from eap.errors import ConfigError


def parse_numbers(text: str, option: str, *, low: int, high: int) -> list[int]:
    """Different numbers in the order given; ``ConfigError`` names the option."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ConfigError(
                f"{option}: '{part.strip()}' is not a number or a range", fix="write it like 2000-2007,2010"
            )
        start, end = int(first), int(last) if dash else int(first)
        if not low <= start <= end <= high:
            raise ConfigError(f"{option}: {part.strip()} is outside {low} to {high}", fix="give numbers inside that")
        numbers.extend(range(start, end + 1))
    return list(dict.fromkeys(numbers))


def count_or_numbers(text: str, option: str, *, first: int, high: int) -> list[int]:
    """``4`` is a count: first, first + 1, ... ; ``2000-2003,2010`` are the numbers themselves.

    A single number by itself is written 2010-2010. ``ConfigError`` names the option; so it does for a count of 0.
    """
    if not text.strip().isdigit():
        return parse_numbers(text, option, low=0, high=high)
    count = int(text)
    if count < 1:
        raise ConfigError(f"{option}: {count} is nobody and nothing", fix="give 1 or more, or numbers like 2000-2003")
    if count > high - first + 1:
        fix = f"{count}-{count} is number {count} alone" if count <= high else f"at most {high - first + 1}"
        raise ConfigError(f"{option}: {count} means {count} of them, from {first} on: too many", fix=fix)
    return list(range(first, first + count))
