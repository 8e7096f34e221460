"""The fixed list of sentences: sentence(i) is the same words, phonemes and stress for everybody, always.

Sentences are drawn from a small grammar of English words, seeded by their number alone, and kept when their neutral
duration lies in 2.0-3.0 s. Stress: 0 none, 1 word stress, 2 the one nuclear (sentence) stress.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from eap.synth.phonemes import PHONEMES, Kind

TRAINING_SENTENCES = range(200)
SUITE_SENTENCES = range(200, 300)

_SHORTEST, _LONGEST = 2.05, 2.95  # seconds at neutral rate
_LEAD_IN, _LEAD_OUT, _PAUSE = 0.16, 0.24, 0.12  # seconds of silence

# A digit marks the stressed vowel; two vowels in a row are a diphthong.
_LEXICON = """
a=ah | the=dh ah | my=m aa ih | your=y ao r | our=aa uh er | her=hh er | his=hh ih z | we=w iy | they=dh eh ih
you=y uw
and=ae n d | but=b ah t | in=ih n | at=ae t | by=b aa ih | to=t uh | for=f ao r | of=ah v | before=b ih f ao r
is=ih z | was=w ah z | will=w ih l | can=k ae n | after=ae f t er | with=w ih dh | on=ao n | it=ih t
brother=b r ah1 dh er | mother=m ah1 dh er | father=f aa1 dh er | baby=b eh1 ih b iy | people=p iy1 p ah l
woman=w uh1 m ah n | teacher=t iy1 ch er | neighbour=n eh1 ih b er | nobody=n ow1 b ah d iy | doctor=d aa1 k t er
author=ao1 th er
everybody=eh1 v r iy b ah d iy | uncle=ah1 ng k ah l | children=ch ih1 l d r ah n | captain=k ae1 p t ah n
found=f aa1 uh n d | bought=b ao1 t | took=t uh1 k | wanted=w ao1 n t ih d | remembered=r ih m eh1 m b er d
moved=m uw1 v d | opened=ow1 p ah n d | sold=s ow1 l d | forgot=f er g aa1 t | broke=b r ow1 k | lost=l ao1 s t
painted=p eh1 ih n t ih d | noticed=n ow1 t ih s t | believed=b ih l iy1 v d | left=l eh1 f t | carried=k ae1 r iy d
window=w ih1 n d ow | apple=ae1 p ah l | book=b uh1 k | money=m ah1 n iy | map=m ae1 p | boat=b ow1 t
picture=p ih1 k ch er | letter=l eh1 t er | puppy=p ah1 p iy | garden=g aa1 r d ah n | table=t eh1 ih b ah l
fish=f ih1 sh | shop=sh aa1 p
camera=k ae1 m r ah | message=m eh1 s ih jh | basket=b ae1 s k ih t | movie=m uw1 v iy | paper=p eh1 ih p er
coffee=k ao1 f iy | summer=s ah1 m er | number=n ah1 m b er | umbrella=ah m b r eh1 l ah | piano=p iy ae1 n ow
big=b ih1 g | old=ow1 l d | better=b eh1 t er | blue=b l uw1 | empty=eh1 m p t iy | beautiful=b y uw1 t ih f ah l
heavy=hh eh1 v iy | warm=w ao1 r m | simple=s ih1 m p ah l | modern=m aa1 d er n | famous=f eh1 ih m ah s
morning=m ao1 r n ih ng | meeting=m iy1 t ih ng | river=r ih1 v er | home=hh ow1 m | party=p aa1 r t iy
kitchen=k ih1 ch ah n | evening=iy1 v n ih ng | mountain=m aa1 uh n t ah n | school=s k uw1 l | market=m aa1 r k ih t
again=ah g eh1 n | today=t ah d eh1 ih | tomorrow=t ah m aa1 r ow | maybe=m eh1 ih b iy | together=t ah g eh1 dh er
always=ao1 l w eh ih z | finally=f aa1 ih n ah l iy | probably=p r aa1 b ah b l iy | never=n eh1 v er
"""

_DETERMINERS = ("the", "my", "your", "our", "her", "his")
_PERSONS = (
    "brother",
    "mother",
    "father",
    "baby",
    "people",
    "woman",
    "teacher",
    "neighbour",
    "doctor",
    "uncle",
    "children",
    "captain",
    "author",
)
_ALONE = ("nobody", "everybody", "we", "they", "you")
_VERBS = (
    "found",
    "bought",
    "took",
    "wanted",
    "remembered",
    "moved",
    "opened",
    "sold",
    "forgot",
    "broke",
    "lost",
    "painted",
    "noticed",
    "believed",
    "left",
    "carried",
)
_THINGS = (
    "window",
    "apple",
    "book",
    "money",
    "map",
    "boat",
    "picture",
    "letter",
    "puppy",
    "garden",
    "table",
    "camera",
    "message",
    "basket",
    "movie",
    "paper",
    "coffee",
    "number",
    "umbrella",
    "piano",
    "fish",
)
_QUALITIES = (
    "big",
    "old",
    "better",
    "blue",
    "empty",
    "beautiful",
    "heavy",
    "warm",
    "simple",
    "modern",
    "famous",
)
_PLACES = (
    "morning",
    "meeting",
    "river",
    "party",
    "kitchen",
    "evening",
    "mountain",
    "school",
    "market",
    "summer",
    "shop",
)
_RELATIONS = ("in", "at", "by", "before", "after", "with", "for")
_ADVERBS = ("again", "today", "tomorrow", "together", "finally", "at home")
_OPENERS = ("maybe", "today", "finally", "tomorrow", "probably")


@dataclass(frozen=True)
class Phone:
    """One spoken phoneme of a sentence: symbol, stress 0-2, index of its word (-1 in silence), neutral seconds."""

    symbol: str
    stress: int
    word: int
    seconds: float


@dataclass(frozen=True)
class Sentence:
    """A sentence: its number, its words, its phones with silences."""

    number: int
    text: str
    phones: tuple[Phone, ...]

    @property
    def seconds(self) -> float:
        """Duration at neutral rate."""
        return sum(phone.seconds for phone in self.phones)


def _lexicon() -> dict[str, tuple[tuple[str, int], ...]]:
    words = {}
    for entry in _LEXICON.replace("\n", "|").split("|"):
        if not entry.strip():
            continue
        word, sounds = entry.strip().split("=")
        words[word] = tuple((sound.rstrip("1"), int(sound.endswith("1"))) for sound in sounds.split())
    return words


LEXICON = _lexicon()


def _choose(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _draw_phrases(rng: np.random.Generator) -> list[list[str]]:
    """Words of one or two phrases; a pause lies between phrases."""
    phrases: list[list[str]] = []
    main: list[str] = []
    if rng.random() < 0.3:
        phrases.append([_choose(rng, _OPENERS)])
    main += [_choose(rng, _ALONE)] if rng.random() < 0.35 else [_choose(rng, _DETERMINERS), _choose(rng, _PERSONS)]
    if rng.random() < 0.15:
        main.append(_choose(rng, ("never", "always")))
    main += [_choose(rng, _VERBS), _choose(rng, _DETERMINERS)]
    if rng.random() < 0.55:
        main.append(_choose(rng, _QUALITIES))
    main.append(_choose(rng, _THINGS))
    phrases.append(main)
    ending = rng.random()
    if ending < 0.6:
        tail = [_choose(rng, _RELATIONS), "the", _choose(rng, _PLACES)]
        if rng.random() < 0.4:
            phrases.append(tail)
        else:
            main += tail
    elif ending < 0.85:
        main += _choose(rng, _ADVERBS).split()
    return phrases


def _stressed(word: str, nuclear: bool) -> list[tuple[str, int]]:
    """Phonemes of a word with the stress of a stressed vowel spread over its diphthong and its onset."""
    sounds = LEXICON[word]
    stress = [2 if mark and nuclear else mark for _, mark in sounds]
    kinds = [PHONEMES[symbol].kind for symbol, _ in sounds]
    for index, (_, mark) in enumerate(sounds):
        if not mark:
            continue
        if index + 1 < len(sounds) and kinds[index + 1] is Kind.VOWEL:
            stress[index + 1] = stress[index]
        onset = index - 1
        while onset >= 0 and kinds[onset] is not Kind.VOWEL and index - onset <= 2:
            stress[onset] = stress[index]
            onset -= 1
    return [(symbol, level) for (symbol, _), level in zip(sounds, stress, strict=True)]


def _spoken(phrases: list[list[str]]) -> tuple[Phone, ...]:
    words = [word for phrase in phrases for word in phrase]
    content = [index for index, word in enumerate(words) if any(mark for _, mark in LEXICON[word])]
    phones = [Phone("sil", 0, -1, _LEAD_IN)]
    index = 0
    for number, phrase in enumerate(phrases):
        if number:
            phones.append(Phone("sil", 0, -1, _PAUSE))
        for place, word in enumerate(phrase):
            sounds = _stressed(word, nuclear=index == content[-1])
            for at, (symbol, stress) in enumerate(sounds):
                seconds = PHONEMES[symbol].duration / 1000 * (0.92, 1.12, 1.25)[stress]
                diphthong = at > 0 and PHONEMES[sounds[at - 1][0]].kind is Kind.VOWEL
                if PHONEMES[symbol].kind is Kind.VOWEL and diphthong:
                    seconds *= 0.8  # the glide of a diphthong
                if place == len(phrase) - 1 and at >= len(sounds) - 2:
                    seconds *= 1.3  # phrase-final lengthening
                phones.append(Phone(symbol, stress, index, seconds))
            index += 1
    return (*phones, Phone("sil", 0, -1, _LEAD_OUT))


@lru_cache(maxsize=1024)
def sentence(number: int) -> Sentence:
    """The sentence of this number (0 or more); 0-199 are for training, 200-299 for suites.

    Deterministic: depends on the number alone. Two numbers may rarely share words, never by design.
    """
    if number < 0:
        raise ValueError(f"sentence number must be 0 or more, got {number}")
    rng = np.random.default_rng([number, 20240929])
    while True:
        phrases = _draw_phrases(rng)
        made = Sentence(number, ", ".join(" ".join(phrase) for phrase in phrases), _spoken(phrases))
        if _SHORTEST <= made.seconds <= _LONGEST and sum(PHONEMES[p.symbol].bilabial for p in made.phones) >= 2:
            return made
