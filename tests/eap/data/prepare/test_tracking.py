from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.data.prepare.finding import Place, Sight
from eap.data.prepare.tracking import Look, Survey, Track, framed, pieces, survey, tracks
from tests.eap.data.prepare.fakes import SquareFinder, face_frames, write_clip


def seen(looks: list[tuple[int, float | None]], cuts: tuple[int, ...] = ()) -> Survey:
    """Looks (frame, left edge of a square of side 100, or None)."""
    made = tuple(Look(f, None if x is None else Sight(Place(x, 0.0, 100.0), 1)) for f, x in looks)
    return Survey(looks[-1][0] + 1, 640, 480, made, cuts, 100.0, 9, 30.0)


def test_a_track_ends_where_the_face_is_lost_a_shot_ends_or_another_face_stands() -> None:
    def spans(survey: Survey) -> list[tuple[int, int]]:
        return [(track.first, track.stop) for track in tracks(survey)]

    assert spans(seen([(0, 0.0), (5, 3.0), (10, 4.0)])) == [(0, 11)]
    assert spans(seen([(0, 0.0), (5, None), (6, None), (7, 2.0)])) == [(0, 8)], "out of sight for a moment"
    assert spans(seen([(0, 0.0), (5, None), (20, 2.0)])) == [(0, 1), (20, 21)], "out of sight for 20 frames"
    assert spans(seen([(0, 0.0), (5, 80.0), (10, 80.0)])) == [(0, 1), (5, 11)], "overlap 20 / 180"
    assert spans(seen([(0, 0.0), (5, 0.0), (7, 0.0), (10, 0.0)], cuts=(7,))) == [(0, 6), (7, 11)]
    assert spans(seen([(0, None), (5, None)])) == []


def test_the_square_of_a_part_is_the_median_of_its_looks() -> None:
    track = tracks(seen([(0, 0.0), (5, 1.0), (10, 50.0), (15, 51.0)]))[0]
    assert track.place(0, 15) == Place(1.0, 0.0, 100.0)
    assert track.place(11, 14) == Place(50.0, 0.0, 100.0), "no look inside: the nearest"


def test_parts_are_equal_and_not_too_long() -> None:
    def parts(first: int, stop: int) -> list[tuple[int, int]]:
        return pieces(Track(first, stop, ()), 250, 20)

    assert parts(3, 253) == [(3, 253)]
    assert parts(0, 251) == [(0, 125), (125, 251)]
    assert parts(5, 24) == []
    assert all(b - a <= 250 for a, b in parts(0, 15000))
    assert sum(b - a for a, b in parts(7, 15000)) == 14993


def test_framed_already() -> None:
    assert framed(Place(0, 0, 128 * 0.8), 128, 128)
    assert not framed(Place(0, 0, 128 * 0.7), 128, 128), "a face of .485 of the picture"
    assert not framed(Place(0, 0, 480.0), 640, 480), "not square"


def test_a_survey_looks_seldom_and_near_and_scales_back(tmp_path: Path) -> None:
    frames = np.repeat(np.repeat(face_frames(40), 4, axis=1), 4, axis=2)  # 640 x 960, looked at in 320 x 480
    finder = SquareFinder()
    found = survey(write_clip(tmp_path / "a.mp4", frames), finder, every=5)
    assert [look.frame for look in found.looks] == [0, 5, 10, 15, 20, 25, 30, 35, 39]
    assert finder.near == finder.looks - 1, "only the first look searches everywhere"
    assert (found.n_frames, found.width, found.height, found.cuts) == (40, 960, 640, ())
    assert found.moved == 39
    place = tracks(found)[0].place(0, 40)
    assert place.face == pytest.approx(240, abs=6)
    assert place.left + 0.161 * place.side == pytest.approx(240, abs=6)


def test_while_the_face_is_lost_every_frame_is_looked_at(tmp_path: Path) -> None:
    frames = face_frames(30)
    frames[:7] = 30
    found = survey(write_clip(tmp_path / "a.mp4", frames), SquareFinder(), every=5)
    assert [look.frame for look in found.looks if look.sight is None] == [0, 1, 2, 3, 4, 5, 6]
    assert next(look.frame for look in found.looks if look.sight is not None) == 7


def test_a_cut_is_seen(tmp_path: Path) -> None:
    frames = np.concatenate([face_frames(20), 255 - face_frames(20)])
    assert survey(write_clip(tmp_path / "a.mp4", frames), SquareFinder(), every=5).cuts == (20,)
