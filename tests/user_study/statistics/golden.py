"""The golden numbers of `make_golden.py`, as answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from user_study.statistics.crossed import Answers

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text())


def ratings(gaps: bool) -> Answers:
    table = np.array(GOLDEN["ratings"], float)
    there = ~np.array(GOLDEN["missing"], bool) if gaps else np.ones(table.shape, bool)
    rater, clip = np.nonzero(there)
    return Answers(table[there], rater, clip)
