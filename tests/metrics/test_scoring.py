from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import metrics
from eap.errors import ConfigError, DataError, MeasureError
from eap.media import read_frames, read_video, write_audio, write_video
from metrics.results import ResultTable
from tests.metrics.fakes import FakeEvaluators, make_clip, voice

EMOTIONS = ("happy", "sad", "fear")
STILL = ("silent_lip", "lip_dynamics", "brow_dynamics", "head_dynamics")
"""What does not apply to these clips: their voices are never silent, and the stand-in's faces hardly move."""


def _name(identity: int, emotion: str) -> str:
    return f"M{identity:03d}_front_{emotion}_3_001"


def _folders(root: Path) -> tuple[Path, Path]:
    """4 identities x 3 emotions: good copies of every reference."""
    for i in range(4):
        for k, emotion in enumerate(EMOTIONS):
            for side, crf in (("reference", 18), ("generated", 30)):
                make_clip(root / side / f"{_name(i, emotion)}.mp4", seed=3 * i + k, crf=crf)
    return root / "generated", root / "reference"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return _folders(tmp_path_factory.mktemp("clean"))


def _copy(clean: tuple[Path, Path], root: Path) -> tuple[Path, Path]:
    for path in clean:
        shutil.copytree(path, root / path.name)
    return root / "generated", root / "reference"


def test_two_folders(clean: tuple[Path, Path], fake: FakeEvaluators) -> None:
    steps: list[tuple[int, int, str]] = []
    table = metrics.score(*clean, evaluators=fake, method="mine", progress=lambda *step: steps.append(step))
    assert all(value.n_scored == value.n_expected for value in table.values)
    assert all(value.n_expected == 12 for value in table.values if value.metric not in STILL)
    assert {value.method for value in table.values} == {"mine"}
    assert table.value("m_lmd").value < 0.05
    assert table.value("intensity_pcc").value > 0.99
    assert 0 <= table.value("fid").ci_low <= table.value("fid").value <= table.value("fid").ci_high
    assert "reference_leakage" not in {value.metric for value in table.values}
    assert steps[0][:2] == (0, 12)
    assert steps[-1] == (12, 12, "")
    assert sum(cell.count for cell in table.confusion) == 12
    json.dumps(table.to_json(), allow_nan=False)
    assert len(table.to_frame()) == len(table.values)


def test_nothing_is_dropped_silently(clean: tuple[Path, Path], fake: FakeEvaluators, tmp_path: Path) -> None:
    generated, reference = _copy(clean, tmp_path)
    (generated / f"{_name(0, 'happy')}.mp4").unlink()
    (generated / f"{_name(0, 'sad')}.mp4").write_bytes(b"")
    (generated / f"{_name(0, 'fear')}.mp4").write_bytes(b"not a video" * 50)
    make_clip(generated / f"{_name(1, 'happy')}.mp4", n=40)
    make_clip(generated / f"{_name(1, 'sad')}.mp4", sound=False)
    make_clip(generated / f"{_name(1, 'fear')}.mp4", n=1)
    make_clip(generated / "M009_front_sad_3_009.mp4")
    table = metrics.score(generated, reference, evaluators=fake)
    assert all(value.n_expected == 12 for value in table.values if value.metric not in STILL)
    assert {name: table.value(name).n_scored for name in ("psnr", "m_lmd", "lse_c", "emotion_accuracy", "fid")} == {
        "psnr": 7, "m_lmd": 7, "lse_c": 7, "emotion_accuracy": 9, "fid": 9,
    }  # fmt: skip
    reasons = {row.clip_id: row.reason for row in table.clip_values if row.metric == "psnr" and not row.scored}
    assert reasons[_name(0, "happy")] == "no generated file"
    assert reasons[_name(0, "sad")] == "generated file: empty (0 bytes)"
    assert f"{_name(0, 'fear')}.mp4" in reasons[_name(0, "fear")]
    assert reasons[_name(1, "happy")] == "length differs: 40 frames, reference has 30"
    assert "no audio stream" in table.value("lse_c").note
    assert table.notes[0] == "1 generated files have no reference and were not scored: M009_front_sad_3_009"


def _close(first: ResultTable, second: ResultTable) -> None:
    for a, b in zip(first.values, second.values, strict=True):
        assert (a.metric, a.signature, a.n_scored) == (b.metric, b.signature, b.n_scored)
        for x, y in ((a.value, b.value), (a.ci_low, b.ci_low), (a.ci_high, b.ci_high)):
            assert x == y or (math.isnan(x) and math.isnan(y))


def test_cache_changes_nothing(clean: tuple[Path, Path], fake: FakeEvaluators) -> None:
    first = metrics.score(*clean, evaluators=fake, method="m")
    again = FakeEvaluators()
    _close(first, metrics.score(*clean, evaluators=again, method="m"))
    assert again.frames_seen == 0
    _close(first, metrics.score(*clean, evaluators=FakeEvaluators(), method="m", cache=False))


def test_mead_layout_gives_identity_and_emotion(tmp_path: Path, fake: FakeEvaluators) -> None:
    for side in ("generated", "reference"):
        make_clip(tmp_path / side / "M003/video/front/angry/level_2/001.mp4", seed=1)
    table = metrics.score(tmp_path / "generated", tmp_path / "reference", ["emotion_accuracy"], evaluators=fake)
    (row,) = table.clip_values
    assert (row.identity, row.emotion, row.level) == ("M003", "angry", 2)


def test_two_files_and_what_cannot_be_paired(clean: tuple[Path, Path], tmp_path: Path) -> None:
    name = f"{_name(0, 'happy')}.mp4"
    table = metrics.score(clean[0] / name, clean[1] / name, ["psnr", "ssim"])
    assert table.value("psnr").n_scored == 1
    assert table.value("psnr").note == "no interval: one identity only"
    assert table.clip_values[0].identity == "M000"
    with pytest.raises(DataError, match="a file and a folder"):
        metrics.score(clean[0] / name, clean[1])
    with pytest.raises(DataError, match="no such file or folder"):
        metrics.score(tmp_path / "nowhere", clean[1])
    with pytest.raises(ConfigError, match="unknown metric 'psrn'"):
        metrics.score(*clean, metrics=["psrn"])
    with pytest.raises(DataError, match="two folders have none"):
        metrics.score(*clean, metrics=["reference_leakage"])


def test_embedded_only_evaluators_on_other_data(clean: tuple[Path, Path]) -> None:
    bundled = FakeEvaluators(embedded_only=True)
    table = metrics.score(*clean, evaluators=bundled)
    assert table.value("psnr").n_scored == 12
    refused = table.value("lse_c")
    assert (refused.n_scored, refused.n_expected) == (0, 12)
    assert refused.note == "refused: the bundled evaluators know only the embedded world"
    assert table.value("fid").note == refused.note
    assert bundled.frames_seen == 0
    with pytest.raises(MeasureError, match="force it"):
        metrics.score(*clean, metrics=["lse_c"], evaluators=bundled)
    forced = metrics.score(*clean, metrics=["lse_c"], evaluators=bundled, force=True).value("lse_c")
    assert forced.n_scored == 12
    assert forced.note.startswith("forced: ")
    known = metrics.score(*clean, metrics=["lse_c"], evaluators=bundled, world="embedded").value("lse_c")
    assert known.note == "too few identities (4) for a trustworthy interval"


def test_no_evaluators_leaves_pixels(clean: tuple[Path, Path]) -> None:
    table = metrics.score(*clean, evaluators=None)
    assert {value.metric for value in table.values} == {"psnr", "ssim"}


def test_real_clip_re_encoded_equals_skimage(shared_dir: Path, tmp_path: Path) -> None:
    source = shared_dir / "real" / "grid_bbaf2n.mpg"
    video = read_video(source)
    copy = tmp_path / "grid_bbaf2n.mp4"
    write_video(copy, video.frames, audio=video.audio, crf=30)
    table = metrics.score(copy, source, ["psnr", "ssim"])
    pairs = [(a, b) for a, b in zip(video.frames, np.concatenate(list(read_frames(copy))), strict=True)]
    psnr = np.mean([peak_signal_noise_ratio(a, b) for a, b in pairs])  # type: ignore[no-untyped-call]
    ssim = np.mean([structural_similarity(a, b, channel_axis=-1) for a, b in pairs])  # type: ignore[no-untyped-call]
    assert table.value("psnr").value == pytest.approx(psnr, abs=1e-6)
    assert table.value("ssim").value == pytest.approx(ssim, abs=1e-6)
    assert str(table.value("psnr").signature) == "psnr|crop:frame|cap:100dB|pool:clip-mean|protocol:strict|v1"


def test_sound_in_its_own_mead_folder_is_no_fault(tmp_path: Path) -> None:
    for side in ("generated", "reference"):
        make_clip(tmp_path / side / "M003/video/front/angry/level_2/001.mp4", seed=1)
        write_audio(tmp_path / side / "M003/audio/angry/level_2/001.m4a", voice(), 16000)
    (tmp_path / "generated" / "notes.txt").write_text("mine")
    table = metrics.score(tmp_path / "generated", tmp_path / "reference", ["psnr"])
    assert table.notes == ("1 files could not be used: notes.txt: not a video (.txt)",)


def test_ceiling_is_a_row_of_its_own(clean: tuple[Path, Path], fake: FakeEvaluators) -> None:
    table = metrics.score(*clean, metrics=["psnr", "fid", "m_lmd"], evaluators=fake, method="mine", ceiling=True)
    best, ours = table.value("psnr", "ground-truth"), table.value("psnr", "mine")
    assert (best.n_scored, best.n_expected) == (12, 12)
    assert best.value > ours.value
    assert table.value("fid", "ground-truth").n_scored == 12


def test_votes_of_people(clean: tuple[Path, Path], fake: FakeEvaluators, tmp_path: Path) -> None:
    names = [_name(i, emotion) for i in range(4) for emotion in EMOTIONS]
    votes = {name: float(k) for k, name in enumerate(names)}
    votes[names[0]] = math.nan
    table = metrics.score(*clean, metrics=["votes_pcc", "votes_rank"], evaluators=fake, votes=votes)
    value = table.value("votes_rank")
    assert (value.n_scored, value.n_expected) == (11, 12)
    assert "1 x no judged intensity, or no vote that is a number" in value.note
    (tmp_path / "votes.csv").write_text("clip,vote\n" + "".join(f"{n},{v}\n" for n, v in votes.items()))
    again = metrics.score(*clean, metrics=["votes_rank"], evaluators=fake, votes=tmp_path / "votes.csv").value(
        "votes_rank"
    )
    assert again.value == value.value
    none = metrics.score(*clean, metrics=["votes_pcc"], evaluators=fake).value("votes_pcc")
    assert (none.n_scored, none.n_expected) == (0, 0)
