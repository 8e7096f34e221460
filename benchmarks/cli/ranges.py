"""Numbers on the command line: ``2000-2003,2010`` -> 2000, 2001, 2002, 2003, 2010."""

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
