"""The questions a design may ask, and the answers each takes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from eap.constants import EMOTIONS

UNSURE = "unsure"
"""The ninth answer of an emotion question."""
LEFT, RIGHT, TIE = "left", "right", "tie"
"""The answers of a preference question."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
QuestionKind = Literal["emotion", "acr", "preference", "trace"]
ACR_LABELS = {
    5: ("Bad", "Poor", "Fair", "Good", "Excellent"),
    10: ("Worst", "", "", "", "", "", "", "", "", "Best"),
}
"""Labels of an absolute category rating, lowest first (ITU-T P.910, table of the five-level scale)."""


class Part(BaseModel):
    """A table of the design file: nothing it does not know, and nothing that changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EmotionQuestion(Part):
    """Which emotion is seen: the eight and "unsure"."""

    kind: Literal["emotion"]
    name: Name
    text: Words = "Which emotion does this face show?"
    unsure: bool = True
    shuffle: bool = True
    """Another order of the eight for every rater, the same on all of a rater's pages."""

    @property
    def options(self) -> tuple[str, ...]:
        """All answers that are taken."""
        return (*EMOTIONS, UNSURE) if self.unsure else EMOTIONS


class AcrQuestion(Part):
    """Absolute category rating, 1 (worst) to `points` (best)."""

    kind: Literal["acr"]
    name: Name
    text: Words
    points: Literal[5, 10] = 5
    labels: tuple[str, ...] = ()
    """One label per point, lowest first; empty: `ACR_LABELS`."""
    reference: bool = False
    """Show the reference image beside the clip (for a question on identity)."""

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if self.labels and len(self.labels) != self.points:
            raise ValueError(f"question {self.name}: {len(self.labels)} labels for {self.points} points")
        return self

    @property
    def options(self) -> tuple[str, ...]:
        """All answers that are taken: "1" to str(points)."""
        return tuple(str(point) for point in range(1, self.points + 1))

    @property
    def point_labels(self) -> tuple[str, ...]:
        """A label for every point, some may be empty."""
        return self.labels or ACR_LABELS[self.points]


class PreferenceQuestion(Part):
    """Two clips of the same sentence by two methods: which one?"""

    kind: Literal["preference"]
    name: Name
    text: Words = "Which of the two clips do you prefer?"
    tie: bool = False
    """Whether "no difference" may be answered."""

    @property
    def options(self) -> tuple[str, ...]:
        """All answers that are taken."""
        return (LEFT, RIGHT, TIE) if self.tie else (LEFT, RIGHT)


class TraceQuestion(Part):
    """How strong the emotion is, all along: a slider, 0 to 1, moved while the clip plays."""

    kind: Literal["trace"]
    name: Name
    text: Words = "While the clip plays, keep the slider where the emotion is: how strong is it right now?"
    low: Words = "no emotion"
    high: Words = "very strong"


AnyQuestion = EmotionQuestion | AcrQuestion | PreferenceQuestion | TraceQuestion
Question = Annotated[AnyQuestion, Field(discriminator="kind")]
