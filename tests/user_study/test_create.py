"""Making a study: design files, runs and folders as sources, everything that is refused before it begins."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from eap.errors import ConfigError, DataError
from eap.media import probe, read_video, write_video
from tests.reports.fake_run import Recipe, write_run
from tests.user_study.small_study import DESIGN, make_study
from user_study.design import EXAMPLE, StimulusChoice, parse_design, read_design
from user_study.folder import StudyData, open_folder, refuse_missing_media
from user_study.records import TABLES, codebook, columns, read_tables, write_tables
from user_study.stimuli import Source, choose, sources_of_folders, sources_of_run
from user_study.store import Store
from user_study.study import Study, plan


def changed(old: str, new: str) -> str:
    assert old in DESIGN
    return DESIGN.replace(old, new, 1)


def test_the_example_design_is_valid() -> None:
    design = read_design(EXAMPLE)
    assert [design.kind(block.name) for block in design.blocks] == ["rate", "pair", "trace"]
    assert parse_design(f"{DESIGN}[analysis]\nconfidence = 0.95\n").analysis.confidence == 0.95


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "not TOML"),
        (changed('name = "small"', 'name = "Small!"'), "name: String should match pattern"),
        (changed("seed = 5", "sede = 5"), "sede: Extra inputs are not permitted"),
        (changed('questions = ["emotion", "naturalness"]', 'questions = ["emotoin"]'), "no question named emotoin"),
        (changed('questions = ["preference"]', 'questions = ["preference", "emotion"]'), "blocks of their own"),
        (changed('questions = ["intensity"]', 'questions = ["intensity", "emotion"]'), "alone in its block"),
        (changed("repeats = 1", "repeats = 7"), "7 repeats of 6 trials"),
        (changed('accept = ["happy"]', 'accept = ["joy"]'), "has no answer 'joy'"),
        (changed('accept = ["happy"]', ""), "give accept, or low and high"),
        (changed('answer = "unsure"', 'answer = "maybe"'), "has no answer 'maybe'"),
        (changed('name = "naturalness"', 'name = "emotion"'), "two of the questions are named emotion"),
        (changed("trials = 6", "trials = 0"), "blocks.0.trials"),
        (changed('contact = "someone@example.org"', ""), "consent.contact: Field required"),
        (f"{DESIGN}[analysis]\nconfidence = 0.9\n", "analysis.confidence: 0.9: only 0.95 is computed"),
    ],
)
def test_wrong_designs_are_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_design(text, "my.toml")
    assert error.value.message.startswith("my.toml: ")
    assert words in error.value.message


def test_a_design_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_design("nowhere.toml")


def test_stimuli_of_a_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Recipe(identities=1, emotions=("happy", "sad"), videos=2, tracks=("neutral",)))
    sources = sources_of_run(run)
    assert len(sources) == 6 * 2
    one = next(s for s in sources if s.method == "eap" and s.emotion == "happy")
    assert (one.identity, one.sentence, one.level, one.track) == ("M2000", "200", 3, "neutral")
    assert one.video.is_file()
    assert set(one.series) == {"intensity", "intensity_true"}
    frames = pd.read_parquet(run / "frames.parquet")
    mine = frames[(frames["method"] == "eap") & (frames["clip"] == one.clip) & (frames["series"] == "intensity")]
    assert list(one.series["intensity"]) == pytest.approx(list(mine["value"]))


def test_stimuli_of_folders(clips: list[Source]) -> None:
    root = clips[0].video.parent.parent
    found = sources_of_folders([("a", root / "eap"), ("b", root / "still-image")])
    assert len(found) == 18
    assert {(s.identity, s.emotion, s.level, s.sentence) for s in found} == {
        (s.identity, s.emotion, s.level, s.sentence) for s in clips
    }
    assert all(s.reference is not None for s in found)


@pytest.mark.parametrize("key", ["methods", "emotions", "identities", "sentences", "tracks"])
def test_a_choice_the_source_does_not_have(clips: list[Source], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"stimuli.{key}: the source has no 'nothing'"):
        choose(clips, StimulusChoice.model_validate({key: ["nothing"]}))


def test_what_is_made(study: StudyData, clips: list[Source]) -> None:
    assert len(study.stimuli) == len(clips) == 27
    assert stat.S_IMODE((study.folder / "secret.key").stat().st_mode) == 0o600
    for stimulus in study.stimuli.values():
        info = probe(study.folder / stimulus.media)
        assert (info.codec, info.pixel_format, info.has_audio) == ("h264", "yuv420p", True)
        assert stimulus.seconds == pytest.approx(0.4)
        content = (study.folder / stimulus.media).read_bytes()
        assert content.index(b"moov") < content.index(b"mdat")  # plays before it is all there
        assert stimulus.method.encode() not in content
        assert stimulus.clip not in stimulus.media
    source = clips[0]
    mine = next(s for s in study.stimuli.values() if (s.method, s.clip) == (source.method, source.clip))
    assert (read_video(study.folder / mine.media).frames == read_video(source.video).frames).all()  # picture copied


def test_ids_cannot_be_computed_without_the_key(tmp_path: Path, clips: list[Source], study: StudyData) -> None:
    other, _ = make_study(tmp_path / "other", sources=clips)
    assert not set(other.stimuli) & set(study.stimuli)


@pytest.mark.parametrize("what", ["missing", "empty", "text", "truncated", "long"])
def test_stimuli_that_cannot_be_shown_are_all_listed(tmp_path: Path, clips: list[Source], what: str) -> None:
    bad = []
    for index in (3, 8):
        path = tmp_path / f"{index}.mp4"
        content = clips[index].video.read_bytes()
        if what == "long":
            import numpy as np

            write_video(path, np.zeros((4, 16, 16, 3), np.uint8), 25)  # 0.16 s: too short, the other limit
        elif what != "missing":
            path.write_bytes({"empty": b"", "text": b"hello", "truncated": content[: len(content) // 2]}[what])
        bad.append(path)
    sources = [replace(s, video=bad[(3, 8).index(i)]) if i in (3, 8) else s for i, s in enumerate(clips)]
    with pytest.raises(DataError, match="2 of 27 stimuli cannot be shown") as error:
        make_study(tmp_path / "study", sources=sources)
    assert all(clips[i].clip in error.value.message for i in (3, 8))
    assert not (tmp_path / "study").exists()
    assert not list(tmp_path.glob(".study*"))  # nothing half-made is left


def test_gaps_are_named_before_anything_is_copied(tmp_path: Path, clips: list[Source]) -> None:
    with pytest.raises(
        ConfigError, match=r"cannot be balanced: 1 clips are missing: still-image/M3_front_sad"
    ) as error:
        make_study(tmp_path / "study", sources=clips[:-1])
    assert "leave out" in error.value.fix


def test_questions_on_identity_need_reference_images(tmp_path: Path, clips: list[Source]) -> None:
    text = changed('text = "How natural?"', 'text = "Same person?"\nreference = true')
    with pytest.raises(ConfigError, match=r"shows the reference image, but .* has none"):
        make_study(tmp_path / "study", text, [replace(s, reference=None) for s in clips])


def test_unknown_methods_in_known_answers(tmp_path: Path, clips: list[Source]) -> None:
    with pytest.raises(ConfigError, match="gold: no method 'nobody' among the stimuli"):
        make_study(tmp_path / "study", changed('method = "still-image"', 'method = "nobody"'), clips)


def test_a_folder_that_is_taken(tmp_path: Path, clips: list[Source]) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.txt").write_text("x")
    with pytest.raises(ConfigError, match="is there already, and not empty"):
        make_study(tmp_path / "study", sources=clips)


def test_a_design_changed_afterwards_is_refused(study: StudyData) -> None:
    with open(study.folder / "design.toml", "a") as stream:
        stream.write("# harmless?\n")
    with pytest.raises(DataError, match="was changed after the study was created"):
        open_folder(study.folder)


@pytest.mark.parametrize("name", ["study.json", "design.toml", "secret.key"])
def test_a_damaged_folder(study: StudyData, name: str) -> None:
    (study.folder / name).write_text("{")
    with pytest.raises(DataError):
        open_folder(study.folder)
    (study.folder / name).unlink()
    with pytest.raises(DataError, match="no such file"):
        open_folder(study.folder)


def test_missing_media_are_noticed_before_serving(study: StudyData) -> None:
    refuse_missing_media(study)
    next((study.folder / "media").glob("*.mp4")).unlink()
    shutil.rmtree(study.folder / "check")
    with pytest.raises(DataError, match="13 of 66 media files are missing"):
        refuse_missing_media(study)


@pytest.mark.parametrize("how", ["cut off", "another clip", "empty"])
def test_media_that_changed_after_the_study_was_made_are_noticed_before_serving(study: StudyData, how: str) -> None:
    first, second = sorted((study.folder / "media").glob("*.mp4"))[:2]
    content = {"cut off": first.read_bytes()[:-200], "another clip": second.read_bytes(), "empty": b""}[how]
    first.write_bytes(content)
    with pytest.raises(DataError, match=rf"1 of 66 media files are not what they were .*media/{first.name}"):
        refuse_missing_media(study)


@pytest.mark.parametrize(("run", "folders"), [(None, []), (Path("x"), [("a", Path("y"))])])
def test_clips_come_from_one_place(run: Path | None, folders: list[tuple[str, Path]]) -> None:
    with pytest.raises(ConfigError, match="one place"):
        plan(run, folders)


def test_an_export_reads_back_and_every_column_is_explained(study: StudyData, tmp_path: Path) -> None:
    from tests.user_study.small_study import Clockwork, Robot

    store = Store(study)
    store.clock = Clockwork()  # type: ignore[assignment]
    Robot(store).finish()
    Robot(store, seed=1).finish(most=7)
    store.close()
    ours = Study(study)
    written = ours.export(tmp_path / "out")
    assert {path.name for path in written} == {*(f"{name}.csv" for name in TABLES), "codebook.csv", "design.toml"}
    back = read_tables(tmp_path / "out")
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(back, name), getattr(ours.tables(), name), check_dtype=True)
    assert back.raters["paid"].tolist()[1] in (False, True)  # screened by the design's tiers
    explained = {(line["table"], line["column"]) for line in codebook() if line["meaning"]}
    assert explained == {(f"{name}.csv", column) for name, row in TABLES.items() for column in columns(row)}
    again = write_tables(tmp_path / "again", back)
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(written, again, strict=True))


def test_exports_hold_no_accounts(study: StudyData, tmp_path: Path) -> None:
    from tests.user_study.small_study import Robot
    from user_study.session import Arrival

    store = Store(study)
    Robot(store, Arrival("prolific", "account-77", "study-77", "session-77"))
    store.close()
    Study(study).export(tmp_path / "out")
    assert not any(b"-77" in path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert Study(study).export_platform(tmp_path / "pay.csv") == 1
    assert "account-77" in (tmp_path / "pay.csv").read_text()
    assert stat.S_IMODE((tmp_path / "pay.csv").stat().st_mode) == 0o600
