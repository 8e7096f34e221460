"""The phonemes of the embedded world: how each sounds (formants, noise) and what the mouth does (viseme).

Formants are those of an adult male after Peterson & Barney (1952); durations are in milliseconds at neutral rate.
Visemes are activations of the face's own action units and tongue; channel names are `VISEME_CHANNELS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

VISEME_CHANNELS = ("AU26", "AU25", "AU18", "AU22", "AU20", "AU24", "tuck", "tongue")
"""Jaw drop, lips part, pucker, funnel, stretch, press, lower lip under the upper teeth, tongue raised."""

JAW, PART, PUCKER, FUNNEL, STRETCH, PRESS, TUCK, TONGUE = range(8)


class Kind(Enum):
    """Manner of articulation."""

    SILENCE = "silence"
    VOWEL = "vowel"
    PLOSIVE = "plosive"
    NASAL = "nasal"
    FRICATIVE = "fricative"
    LIQUID = "liquid"


@dataclass(frozen=True)
class Phoneme:
    """One phoneme: sound and mouth."""

    symbol: str
    kind: Kind
    formants: tuple[float, float, float]  # Hz
    duration: float  # ms
    voicing: float  # amplitude of the voiced part, 0..1
    noise: float  # amplitude of frication or burst, 0..1
    noise_centre: float  # Hz
    noise_width: float  # Hz
    mouth: tuple[float, ...]  # VISEME_CHANNELS

    @property
    def bilabial(self) -> bool:
        """Whether the lips must meet."""
        return self.symbol in ("p", "b", "m")


# symbol kind F1 F2 F3 ms voicing noise centre width | jaw part pucker funnel stretch press tuck tongue
_TABLE = """
sil s 500 1500 2500 120 0    0    1    1    | 0 0 0 0 0 0 0 0
aa  v 730 1090 2440 120 1    0    1    1    | .78 .60 0 0 0 0 0 0
ae  v 660 1720 2410 120 1    0    1    1    | .58 .65 0 0 .30 0 0 0
ah  v 640 1190 2390 80  .9   0    1    1    | .42 .50 0 0 0 0 0 0
ao  v 570 840  2410 120 1    0    1    1    | .58 .40 .50 .40 0 0 0 0
eh  v 530 1840 2480 90  .95  0    1    1    | .40 .60 0 0 .25 0 0 0
ih  v 390 1990 2550 70  .85  0    1    1    | .22 .55 0 0 .25 0 0 .1
iy  v 270 2290 3010 110 .8   0    1    1    | .10 .62 0 0 .60 0 0 .2
uw  v 300 870  2240 110 .8   0    1    1    | .16 .22 1.05 .50 0 0 0 0
ow  v 450 900  2300 120 .95  0    1    1    | .36 .32 .85 .40 0 0 0 0
uh  v 440 1020 2240 80  .85  0    1    1    | .24 .32 .55 .30 0 0 0 0
er  v 490 1350 1690 110 .9   0    1    1    | .24 .38 .45 .30 0 0 0 .1
p   p 300 900  2300 80  0    .35  900  900  | 0 -.05 0 0 0 .60 0 0
b   p 250 900  2300 65  .16  .20  900  900  | 0 -.05 0 0 0 .60 0 0
m   n 270 1000 2200 70  .42  0    1    1    | 0 -.05 0 0 0 .50 0 0
f   f 340 1100 2300 95  0    .16  6500 4000 | .10 .38 0 0 .1 0 1 0
v   f 320 1100 2300 65  .35  .08  6500 4000 | .10 .38 0 0 .1 0 1 0
th  f 350 1350 2600 85  0    .13  6500 3000 | .18 .50 0 0 .1 0 0 1
dh  f 330 1350 2600 55  .40  .06  6000 3000 | .18 .50 0 0 .1 0 0 1
t   p 350 1750 2700 75  0    .55  4500 2500 | .14 .48 0 0 .1 0 0 .6
d   p 300 1750 2700 60  .16  .30  4000 2500 | .16 .48 0 0 .1 0 0 .6
n   n 280 1700 2600 65  .42  0    1    1    | .16 .45 0 0 0 0 0 .6
ng  n 290 1950 2500 70  .42  0    1    1    | .22 .45 0 0 0 0 0 0
l   l 360 1100 2700 65  .6   0    1    1    | .24 .50 0 0 0 0 0 .8
s   f 350 1700 2700 100 0    .55  6000 1600 | .04 .62 0 0 .35 0 0 .2
z   f 320 1700 2700 75  .3   .35  6000 1600 | .05 .60 0 0 .30 0 0 .2
sh  f 350 1800 2500 100 0    .60  3400 1300 | .10 .50 .55 .95 0 0 0 .1
ch  p 350 1800 2500 100 0    .60  3400 1300 | .12 .50 .50 .95 0 0 0 .2
jh  p 320 1800 2500 80  .18  .40  3400 1300 | .12 .50 .50 .90 0 0 0 .2
k   p 350 1500 2200 80  0    .50  2000 900  | .26 .45 0 0 0 0 0 0
g   p 300 1500 2200 65  .16  .30  1900 900  | .26 .45 0 0 0 0 0 0
w   l 300 650  2200 65  .6   0    1    1    | .10 .15 1.15 .40 0 0 0 0
r   l 340 1150 1550 70  .6   0    1    1    | .18 .35 .55 .50 0 0 0 .1
y   l 280 2200 2950 55  .6   0    1    1    | .12 .55 0 0 .35 0 0 .2
hh  f 500 1500 2500 60  0    .18  1500 1800 | .30 .45 0 0 0 0 0 0
"""


def _parse(table: str) -> dict[str, Phoneme]:
    kinds = {kind.value[0]: kind for kind in Kind}
    phonemes = {}
    for line in table.strip().splitlines():
        sound, mouth = line.split("|")
        symbol, kind, *numbers = sound.split()
        f1, f2, f3, duration, voicing, noise, centre, width = (float(number) for number in numbers)
        shape = tuple(float(number) for number in mouth.split())
        phonemes[symbol] = Phoneme(symbol, kinds[kind], (f1, f2, f3), duration, voicing, noise, centre, width, shape)
    return phonemes


PHONEMES: dict[str, Phoneme] = _parse(_TABLE)
