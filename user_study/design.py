"""The design file: what is asked, of which clips, how raters are checked. Typed, validated, kept with the answers.

A TOML file (`user_study/templates/design.toml` is one, with every key explained). The design is the pre-registration:
its text and SHA-256 are stored with the study, and `screening` and `analysis` are read from it, never from flags.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from eap.constants import EMOTIONS
from eap.errors import ConfigError
from user_study.questions import AnyQuestion, Name, Part, Question, Words

EXAMPLE = Path(__file__).parent / "templates" / "design.toml"
CONFIDENCE = 0.95
"""Every interval of the tables, figures and reports is one of 95 %: that runs can be compared depends on it."""
BlockKind = Literal["rate", "pair", "trace"]


class StimulusChoice(Part):
    """Which clips of the source take part; an empty list means all there are."""

    methods: tuple[str, ...] = ()
    tracks: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()


class Block(Part):
    """A stretch of trials with the same questions; each question of a trial is a page step and an answer of its own."""

    name: Name
    questions: tuple[Name, ...] = Field(min_length=1)
    trials: int = Field(ge=1, le=500)
    """Trials per rater, beside repeats, gold and traps."""
    repeats: int = Field(default=0, ge=0, le=50)
    """How many of them are shown a second time, late in the block."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Pairs of methods of a preference block; empty: all pairs."""
    intro: str = Field(default="", max_length=2000)


class Expectation(Part):
    """An answer that is known: one of `accept`, or a number from `low` to `high` (a trace: its mean over the clip)."""

    block: Name
    question: Name
    accept: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.accept and self.low is None and self.high is None:
            raise ValueError(f"question {self.question}: give accept, or low and high")
        return self

    def holds(self, answer: str, value: float | None) -> bool:
        """Whether an answer is as expected; value is its number, None where it has none."""
        if self.accept:
            return answer in self.accept
        if value is None:
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class Known(Expectation):
    """A known answer on a clip: gold in the middle of a block, mixed in unannounced."""

    method: str
    """The method whose clip is shown (of a preference block: on the left)."""
    against: str = ""
    """Of a preference block: the method on the right."""
    emotion: str = ""
    identity: str = ""


class Training(Known):
    """A known answer that is explained to the rater; a wrong one may be tried again `Design.training_tries` times."""

    right: Words = "Yes, that is how most people see it."
    wrong: Words = "Most people see this differently. Watch it once more."


class Trap(Part):
    """An instruction in the place of the question: attentive raters follow it. Shown once to every rater."""

    block: Name
    question: Name
    answer: str
    """What is asked for (of a trace: "high" or "low")."""
    text: str = Field(default="", max_length=500)
    """The instruction; empty: made from the answer."""


class Tier(Part):
    """Thresholds; a rater who misses one is not in the tier. None: not looked at. Rates are shares in [0, 1]."""

    traps_at_least: float | None = Field(default=None, ge=0, le=1)
    gold_at_least: float | None = Field(default=None, ge=0, le=1)
    repeats_at_least: float | None = Field(default=None, ge=0, le=1)
    """Share of repeats answered alike (same label; ACR within one point of 5, two of 10; traces correlated > 0)."""
    trials_at_least: float | None = Field(default=None, ge=0, le=1)
    """Share of the session's trials that were answered."""
    same_answer_at_most: float | None = Field(default=None, ge=0, le=1)
    """Share of the commonest answer to one question (straight-lining)."""
    seconds_at_least: float | None = Field(default=None, ge=0)
    """Median seconds from the clip's end to the answer."""
    stalled_at_most: float | None = Field(default=None, ge=0, le=1)
    """Share of trials whose playback stalled."""
    rater_correlation_at_least: float | None = Field(default=None, ge=-1, le=1)
    """Pearson correlation of the rater's ACR answers with the mean of all other raters' on the same clips."""


class Screening(Part):
    """Two tiers, fixed before the first rater: who is paid, and whose answers are used (used is never wider)."""

    paid: Tier = Tier(traps_at_least=0.5, trials_at_least=1.0)
    used: Tier = Tier(
        traps_at_least=1.0, gold_at_least=0.5, trials_at_least=1.0, same_answer_at_most=0.9, stalled_at_most=0.5
    )


class Consent(Part):
    """What the rater agrees to. Change the version with the text: each rater's version is kept."""

    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")] = "1"
    text: Annotated[str, StringConstraints(min_length=20, max_length=20000)]
    """Paragraphs parted by empty lines; lines that start with "- " are a list."""
    contact: Words
    minimum_age: int = Field(default=18, ge=16, le=99)
    on_withdrawal: Literal["delete", "keep"] = "delete"
    """What happens to the answers of a rater who withdraws."""


class Recruitment(Part):
    """Where raters come from, and what they get at the end."""

    platform: Literal["direct", "prolific", "mturk"] = "direct"
    completion_code: str = Field(default="", max_length=80)
    """Shown at the end; empty: a code of the rater's own."""
    completion_url: str = Field(default="", max_length=500, pattern=r"^(https?://\S+)?$")
    """Where the rater goes after everything is saved."""


class Session(Part):
    """Limits of a rater's session."""

    resume_hours: float = Field(default=24, gt=0)
    expired: Literal["restart", "block"] = "block"
    """What a rater finds who comes back later than that."""
    drop_after_minutes: float = Field(default=30, gt=0)
    """A silent rater's unanswered trials go back to be given to others."""
    complete_playback: bool = True
    """Answers are taken only after the clip was played to its end."""
    sound_check: bool = True
    check_tries: int = Field(default=3, ge=1, le=10)
    phones: bool = True


class Ask(Part):
    """One entry of the questionnaire at the end."""

    name: Name
    text: Words
    kind: Literal["choice", "number", "text"] = "text"
    options: tuple[Words, ...] = ()
    required: bool = False

    @model_validator(mode="after")
    def _has_options(self) -> Self:
        if (self.kind == "choice") != bool(self.options):
            raise ValueError(f"questionnaire entry {self.name}: options belong to kind choice, and only there")
        return self


class Analysis(Part):
    """What will be computed, fixed before the first rater."""

    confidence: float = CONFIDENCE
    resamples: int = Field(default=2000, ge=100, le=100000)
    primary: tuple[Name, ...] = ()
    """Questions whose comparisons are confirmatory; all others are exploratory. Empty: all."""
    focus: str = ""
    """The method whose gain over the lowest-ranked one is the headline; empty: the best one."""

    @field_validator("confidence")
    @classmethod
    def _is_the_one_there_is(cls, value: float) -> float:
        if value != CONFIDENCE:
            raise ValueError(
                f"{value:g}: only {CONFIDENCE:g} is computed (tables, figures and reports show 95 % intervals); "
                "leave the key out"
            )
        return value


class Design(Part):
    """A whole study."""

    format: Literal[1] = 1
    name: Name
    title: Words
    seed: int = Field(default=0, ge=0)
    raters: int = Field(default=40, ge=1)
    """Planned number of raters whose answers are used."""
    welcome: str = Field(default="", max_length=4000)
    stimuli: StimulusChoice = StimulusChoice()
    questions: tuple[Question, ...] = Field(min_length=1)
    blocks: tuple[Block, ...] = Field(min_length=1)
    training: tuple[Training, ...] = ()
    training_tries: int = Field(default=2, ge=1, le=5)
    gold: tuple[Known, ...] = ()
    traps: tuple[Trap, ...] = ()
    screening: Screening = Screening()
    consent: Consent
    recruitment: Recruitment = Recruitment()
    session: Session = Session()
    questionnaire: tuple[Ask, ...] = ()
    analysis: Analysis = Analysis()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for what, names in (
            ("question", [q.name for q in self.questions]),
            ("block", [b.name for b in self.blocks]),
            ("questionnaire entry", [a.name for a in self.questionnaire]),
        ):
            if double := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two of the {what}s are named {double[0]}")
        for block in self.blocks:
            self._check_block(block)
        for known in (*self.training, *self.gold):
            self._check_item(known)
        for trap in self.traps:
            self._check_item(trap)
        if unknown := set(self.analysis.primary) - {q.name for q in self.questions}:
            raise ValueError(f"analysis.primary: no question named {sorted(unknown)[0]}")
        return self

    def _check_block(self, block: Block) -> None:
        known = {question.name for question in self.questions}
        if unknown := [name for name in block.questions if name not in known]:
            raise ValueError(f"block {block.name}: no question named {unknown[0]}")
        if len(set(block.questions)) < len(block.questions):
            raise ValueError(f"block {block.name}: a question is named twice")
        kinds = {self.question(name).kind for name in block.questions}
        if "trace" in kinds and len(block.questions) > 1:
            raise ValueError(f"block {block.name}: an intensity trace is alone in its block")
        if "preference" in kinds and kinds != {"preference"}:
            raise ValueError(f"block {block.name}: preference questions and others need blocks of their own")
        if block.repeats > block.trials:
            raise ValueError(f"block {block.name}: {block.repeats} repeats of {block.trials} trials")
        if block.pairs and "preference" not in kinds:
            raise ValueError(f"block {block.name}: pairs belong to preference blocks")
        if any(a == b for a, b in block.pairs):
            raise ValueError(f"block {block.name}: a pair needs two different methods")

    def _check_item(self, item: Known | Trap) -> None:
        if item.block not in {block.name for block in self.blocks}:
            raise ValueError(f"no block named {item.block}")
        if item.question not in self.block(item.block).questions:
            raise ValueError(f"block {item.block} does not ask {item.question}")
        question = self.question(item.question)
        answers = (item.answer,) if isinstance(item, Trap) else item.accept
        taken = ("low", "high") if question.kind == "trace" else question.options
        if wrong := [answer for answer in answers if answer not in taken]:
            raise ValueError(f"question {item.question} has no answer {wrong[0]!r} (it has {', '.join(taken)})")
        if isinstance(item, Known):
            if (self.kind(item.block) == "pair") != bool(item.against):
                raise ValueError(f"block {item.block}: `against` belongs to preference blocks, and is needed there")
            if item.accept and question.kind == "trace":
                raise ValueError(f"question {item.question}: a trace is checked by low and high")
            if item.emotion and item.emotion not in EMOTIONS:
                raise ValueError(f"no emotion {item.emotion!r} (there are {', '.join(EMOTIONS)})")

    def question(self, name: str) -> AnyQuestion:
        """A question by name. Raises KeyError."""
        for question in self.questions:
            if question.name == name:
                return question
        raise KeyError(name)

    def block(self, name: str) -> Block:
        """A block by name. Raises KeyError."""
        for block in self.blocks:
            if block.name == name:
                return block
        raise KeyError(name)

    def kind(self, block: str) -> BlockKind:
        """What a block's trials show: one clip to rate, a pair, or a clip to trace."""
        first = self.question(self.block(block).questions[0]).kind
        kinds: dict[str, BlockKind] = {"preference": "pair", "trace": "trace"}
        return kinds.get(first, "rate")


def parse_design(text: str, where: str = "design") -> Design:
    """A design from TOML text. Raises ConfigError naming the key."""
    try:
        values: dict[str, Any] = tomllib.loads(text)
        return Design.model_validate(values)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}", fix="correct that line") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ConfigError(
            f"{where}: {key + ': ' if key else ''}{message}{more}",
            fix="compare with `eap-bench study create --example`",
        ) from None


def read_design(path: Path | str) -> Design:
    """A design file. Raises ConfigError when it is missing, not TOML or does not fit together."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", fix="give the path of a design file") from None
    return parse_design(text, str(path))
