"""What a simulated rater sees and answers: impressions of clips, named emotions, preferences, slider traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eap.constants import EMOTIONS, FPS
from user_study.assignment import Slot, seed_of
from user_study.design import Design
from user_study.questions import LEFT, RIGHT, TIE, UNSURE
from user_study.rater_kinds import RaterKind
from user_study.records import Answer, Intensity, Stimulus, Trace

if TYPE_CHECKING:
    from user_study.simulate import Truth

NEIGHBOURS = {
    "angry": ("disgusted", "contempt"), "contempt": ("disgusted", "neutral"), "disgusted": ("angry", "contempt"),
    "fear": ("surprised", "sad"), "happy": ("surprised", "neutral"), "neutral": ("sad", "contempt"),
    "sad": ("neutral", "fear"), "surprised": ("fear", "happy"),
}  # fmt: skip
"""What an emotion is mostly taken for when it is not named right (our choice)."""
SAMPLES_PER_SECOND = 10
QUESTION_SD = 0.15


@dataclass
class Member:
    """One simulated rater with a random stream of their own."""

    name: str
    kind: RaterKind
    seed: int
    rng: np.random.Generator
    bias: float
    skill: float
    lag: float
    slider: tuple[float, float]
    favourite: float


class Crowd:
    """The stimuli as they truly are, and how members answer to them."""

    def __init__(
        self, design: Design, stimuli: dict[str, Stimulus], intensity: Sequence[Intensity], truth: Truth, seed: int
    ) -> None:
        self.design, self.stimuli, self.truth = design, stimuli, truth
        rng = np.random.default_rng(seed_of(seed, "stimuli"))
        sentences = {key: rng.normal(0, truth.sentence_sd, 2) for key in sorted({s.clip for s in stimuli.values()})}
        self._own = {
            key: sentences[stimuli[key].clip] + rng.normal(0, truth.clip_sd, 2)
            for key in sorted(stimuli, key=lambda k: (stimuli[k].track, stimuli[k].clip, stimuli[k].method))
        }
        self._course: dict[str, np.ndarray] = {}
        true: dict[str, list[tuple[float, float]]] = {}
        for row in intensity:
            if row.name == "intensity_true":
                true.setdefault(row.stimulus, []).append((row.t, row.value))
        for key, points in true.items():
            self._course[key] = np.array([value for _, value in sorted(points)])

    def member(self, name: str, kind: RaterKind, seed: int) -> Member:
        """A rater of a kind."""
        rng = np.random.default_rng(seed)
        bias = kind.bias + float(rng.normal(0, kind.bias_sd))
        line = float(rng.uniform(0.0, 0.2)), float(rng.uniform(0.4, 0.9))
        lag = kind.lag + float(rng.uniform(-0.3, 0.3))
        return Member(name, kind, seed, rng, bias, float(rng.normal(0, kind.skill_sd)), lag, line, float(rng.random()))

    def answer(
        self, member: Member, slot: Slot, position: int, seen: tuple[str, ...], question: str, order: int
    ) -> tuple[Answer, list[Trace]]:
        """One answer with its trace samples (none but for a trace question)."""
        asked = self.design.question(question)
        first = self.stimuli[seen[0]]
        trace: list[Trace] = []
        said: str
        value: float | None
        wanted = self._wanted(slot)
        obeys = slot.role == "trap" and member.rng.random() < member.kind.attention
        if asked.kind == "trace":
            t, values = self._trace(member, first, wanted if obeys else "")
            trace = [
                Trace(member.name, position, slot.role, question, first.stimulus, first.method, first.track, first.clip,
                      round(float(a), 3), round(float(b), 3))
                for a, b in zip(t, values, strict=True)
            ]  # fmt: skip
            said, value = "trace", round(float(values.mean()), 4)
        elif obeys:
            said, value = wanted, _number(wanted)
        else:
            said, value = self._choose(member, asked, seen)
        chosen = {LEFT: first.method, RIGHT: self.stimuli[seen[-1]].method}.get(said, "") if len(seen) == 2 else ""
        stalls = int(member.rng.random() < member.kind.stalls)
        expected, correct = self._judged(slot, said, value)
        return Answer(
            rater=member.name, position=position, block=slot.block, role=slot.role, question=question, kind=asked.kind,
            answer=said, value=value, stimulus=first.stimulus, method=first.method, track=first.track, clip=first.clip,
            identity=first.identity, emotion=first.emotion, level=first.level, sentence=first.sentence,
            stimulus_b=seen[1] if len(seen) == 2 else "",
            method_b=self.stimuli[seen[1]].method if len(seen) == 2 else "", chosen=chosen, expected=expected,
            correct=correct, repeat_of=slot.repeat_of,
            seconds=round(float(member.kind.seconds * np.exp(member.rng.normal(0, 0.4))), 3), plays=1, watched=1.0,
            stalls=stalls, stall_seconds=0.8 * stalls, order=order,
        ), trace  # fmt: skip

    def _wanted(self, slot: Slot) -> str:
        return self.design.traps[slot.known].answer if slot.role == "trap" and slot.known is not None else ""

    def _judged(self, slot: Slot, said: str, value: float | None) -> tuple[str, bool | None]:
        if slot.known is None:
            return "", None
        if slot.role == "trap":
            wanted = self._wanted(slot)
            if said == "trace" and value is not None:
                return wanted, value > 0.7 if wanted == "high" else value < 0.3
            return wanted, said == wanted
        known = (self.design.gold if slot.role == "gold" else self.design.training)[slot.known]
        text = "|".join(known.accept) or f"{'' if known.low is None else known.low}..{known.high or ''}"
        return text, known.holds(said, value)

    def _choose(self, member: Member, asked: Any, seen: tuple[str, ...]) -> tuple[str, float | None]:
        options = asked.options
        if member.rng.random() < member.kind.random:
            said = str(options[int(member.rng.integers(len(options)))])
        elif member.rng.random() < member.kind.same:
            said = str(options[int(member.favourite * len(options))])
        elif asked.kind == "emotion":
            said = self._emotion(member, self.stimuli[seen[0]], options)
        elif asked.kind == "acr":
            said = self._rating(member, seen[0], asked)
        else:
            said = self._preference(member, seen, asked.tie)
        if asked.kind == "preference":
            return said, {LEFT: 1.0, RIGHT: 0.0, TIE: 0.5}[said]
        return said, _number(said) if asked.kind == "acr" else None

    def _impression(self, member: Member, stimulus: str, salt: str) -> float:
        """What this rater thinks of this clip: half of the noise stays when it is shown again."""
        lasting = np.random.default_rng(seed_of(member.seed, stimulus, salt)).normal()
        noise = (lasting + member.rng.normal()) / np.sqrt(2) * member.kind.noise_sd
        return self.truth.quality[self.stimuli[stimulus].method] + float(self._own[stimulus][0]) + float(noise)

    def _rating(self, member: Member, stimulus: str, asked: Any) -> str:
        five = self._impression(member, stimulus, asked.name) + member.bias
        scaled = five if asked.points == 5 else 1 + (five - 1) * 9 / 4
        return str(int(np.clip(round(scaled), 1, asked.points)))

    def _preference(self, member: Member, seen: tuple[str, ...], tie: bool) -> str:
        gap = self._impression(member, seen[0], "pair") - self._impression(member, seen[1], "pair")
        if tie and abs(gap) < self.truth.tie_width:
            return TIE
        return LEFT if gap > 0 else RIGHT

    def _emotion(self, member: Member, stimulus: Stimulus, options: tuple[str, ...]) -> str:
        from scipy.special import ndtri

        seen = stimulus.emotion or "neutral"
        spread = np.sqrt(1 + member.kind.skill_sd**2 + self.truth.clip_sd**2 + self.truth.sentence_sd**2)
        level = float(ndtri(np.clip(self.truth.clarity[stimulus.method], 0.01, 0.99))) * spread
        if member.rng.normal() > level + member.skill + float(self._own[stimulus.stimulus][1]):
            draw = member.rng.random()
            if draw < 0.12 and UNSURE in options:
                return UNSURE
            near = NEIGHBOURS[seen] if draw < 0.7 else tuple(e for e in EMOTIONS if e != seen)
            seen = near[int(member.rng.integers(len(near)))]
        for instead, chance in member.kind.muddle.get(seen, {}).items():
            if member.rng.random() < chance:
                return instead
        return seen

    def _trace(self, member: Member, stimulus: Stimulus, wanted: str) -> tuple[np.ndarray, np.ndarray]:
        """Slider samples: the course of intensity as far as the method shows it, late, smoothed, with a shaky hand."""
        length = stimulus.seconds or 3.0
        t = np.arange(0, length, 1 / SAMPLES_PER_SECOND)
        rng = member.rng
        shaky = np.convolve(rng.normal(0, 0.12, len(t) + 6), np.ones(7) / np.sqrt(7), "valid")
        if wanted:
            return t, np.clip(np.full(len(t), 0.95 if wanted == "high" else 0.05) + 0.1 * shaky, 0, 1)
        if rng.random() < member.kind.same:
            return t, np.full(len(t), round(member.favourite, 2))
        course = self._course.get(stimulus.stimulus)
        if course is None or rng.random() < member.kind.random:
            return t, np.clip(0.5 + 2 * shaky, 0, 1)
        late = np.clip((t - member.lag) * FPS, 0, len(course) - 1)
        true = np.interp(late, np.arange(len(course)), course)
        share = self.truth.following[stimulus.method]
        felt = share * true + (1 - share) * course.mean()
        return t, np.clip(member.slider[0] + member.slider[1] * felt + shaky, 0, 1)


def _number(text: str) -> float | None:
    return float(text) if text.isdigit() else None
