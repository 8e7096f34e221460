"""Errors a user can mend: one line that names the file or clip, what is wrong and the fix.

Exit codes are those of DESIGN section 10: 2 usage, 3 could not measure.
"""

from __future__ import annotations


class EapError(Exception):
    """Base of every error that is shown as one line instead of a traceback."""

    exit_code = 2

    def __init__(self, message: str, *, fix: str = "") -> None:
        self.message = " ".join(message.split())
        self.fix = " ".join(fix.split())
        super().__init__(f"{self.message}; {self.fix}" if self.fix else self.message)

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes send errors back through pickle, which would otherwise drop the keyword.
        return (_rebuild, (type(self), self.message, self.fix))


def _rebuild(kind: type[EapError], message: str, fix: str) -> EapError:
    return kind(message, fix=fix)


class MediaError(EapError):
    """A video, audio or image file that cannot be read or written."""


class DataError(EapError):
    """A dataset folder, manifest or training array set that is not what it should be."""


class WeightsError(EapError):
    """Weights that are missing, damaged, foreign, or used in a role they must not have."""


class ConfigError(EapError):
    """A setting, recipe, suite or method file with a wrong value."""


class MeasureError(EapError):
    """A measurement that could not be made."""

    exit_code = 3
