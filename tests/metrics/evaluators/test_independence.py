from __future__ import annotations

from pathlib import Path

import pytest
import torch

from eap.bundle.store import WeightsMeta, save_weights
from eap.errors import WeightsError
from metrics.evaluators.independence import refuse_teachers, teacher_problems


def test_a_teacher_is_refused_as_evaluator(tmp_path: Path) -> None:
    teacher = save_weights("t", {"w": torch.zeros(3)}, WeightsMeta("teacher", "Net", 1), folder=tmp_path)
    judge = save_weights("j", {"w": torch.ones(3)}, WeightsMeta("evaluator", "Other", 2), folder=tmp_path)
    record = {"teachers": [{"loss": "L_lip", "sha256": "abc"}], "seed": 1}
    save_weights("m", {"w": torch.ones(2)}, WeightsMeta("model", "Talker", 3, config=record), folder=tmp_path)
    refuse_teachers({"fine": judge.sha256, "other": "def"}, tmp_path)
    assert teacher_problems({"fan": "abc"}, tmp_path) == ["fan: taught the model 'm'"]
    with pytest.raises(WeightsError, match=r"a teacher cannot be an evaluator: mine: is the teacher 't'; choose other"):
        refuse_teachers({"mine": teacher.sha256}, tmp_path)
