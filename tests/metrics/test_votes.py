from __future__ import annotations

import math
from pathlib import Path

import pytest

from eap.errors import DataError
from metrics.votes import read_votes, scaled

CREMA = """,FileName,VoiceVote,VoiceLevel,FaceVote,FaceLevel,MultiModalVote,MultiModalLevel
1,1001_DFA_ANG_XX,A,51.7,A,66,A,66.5
2,1001_IEO_SAD_HI,S,40,N:S,50:70,S,30
3,1001_TIE_HAP_LO,H,20,H,,H,10
"""


def test_crema_d(tmp_path: Path) -> None:
    path = tmp_path / "summaryTable.csv"
    path.write_text(CREMA)
    votes = read_votes(path)
    assert votes["1001_DFA_ANG_XX"] == pytest.approx(0.66)
    assert votes["1001_IEO_SAD_HI"] == pytest.approx(0.60)
    assert math.isnan(votes["1001_TIE_HAP_LO"])
    assert read_votes(path, "VoiceLevel")["1001_DFA_ANG_XX"] == pytest.approx(0.517)


def test_any_table(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("clip,vote\na.mp4,0.25\nb,1\n")
    assert read_votes(path) == {"a": 0.25, "b": 1.0}


def test_what_is_no_table_of_votes(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    for text in ("", "a,b\n1,2\n"):
        path.write_text(text)
        with pytest.raises(DataError, match=r"votes\.csv: no columns of clips and votes"):
            read_votes(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_votes(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="votes from -1 to 1"):
        scaled({"a": -1.0, "b": 1.0})
