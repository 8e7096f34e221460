from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import DiskFull, is_disk_full, reason_of
from benchmarks.store import RunStore
from eap.errors import ConfigError, DataError, MediaError
from metrics.rundir import ClipRecord


def record(clip: str, reason: str = "") -> ClipRecord:
    return ClipRecord(
        method="eap", track="neutral", clip=clip, identity="M1", status="failed" if reason else "ok", reason=reason
    )


def test_records_are_there_after_reopening_and_a_torn_line_is_not(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", "a", {"x": 1}) as store:
        store.append(record("one"))
        store.append(record("two"))
    with open(tmp_path / "run" / "clips.jsonl", "a") as stream:
        stream.write('{"method": "eap"')
    with RunStore(tmp_path / "run", "a", {"x": 1}) as store:
        assert [key[2] for key in store.records] == ["one", "two"]
        store.append(record("three"))
    with RunStore(tmp_path / "run", "a", {"x": 1}) as store:
        assert [key[2] for key in store.records] == ["one", "two", "three"]


def test_a_later_record_wins(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", "a", {}) as store:
        store.append(record("one", "broken"))
        store.forget(list(store.records))
        assert not store.records
        store.append(record("one"))
    with RunStore(tmp_path / "run", "a", {}) as store:
        assert [item.status for item in store.records.values()] == ["ok"]


def test_two_writers_are_one_too_many(tmp_path: Path) -> None:
    with (
        RunStore(tmp_path / "run", "a", {}),
        pytest.raises(ConfigError, match="another run is writing here"),
        RunStore(tmp_path / "run", "a", {}),
    ):
        pass
    with RunStore(tmp_path / "run", "a", {}):
        pass


def test_what_differs_is_named(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", "a", {"suite": "x", "code": 1}):
        pass
    with (
        pytest.raises(ConfigError, match=r"holds another run \(different: code\)"),
        RunStore(tmp_path / "run", "b", {"suite": "x", "code": 2}),
    ):
        pass


def test_a_damaged_configuration_is_named(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", "a", {}):
        pass
    (tmp_path / "run" / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json"), RunStore(tmp_path / "run", "a", {}):
        pass


def test_a_run_is_finished_only_with_its_tables(tmp_path: Path) -> None:
    with RunStore(tmp_path / "run", "a", {}) as store:
        assert store.finished_info() is None
        (tmp_path / "run" / "run.json").write_text("{}")
        (tmp_path / "run" / "values.parquet").write_text("")
        assert store.finished_info() is None


def test_a_full_disk_is_seen_through_other_errors() -> None:
    def raised(first: Exception, second: Exception) -> Exception:
        try:
            try:
                raise first
            except Exception as error:
                raise second from error
        except Exception as error:
            return error

    assert is_disk_full(OSError(28, "No space left on device"))
    assert is_disk_full(raised(OSError(28, "x"), MediaError("cannot write")))
    assert is_disk_full(DiskFull("full"))
    assert not is_disk_full(OSError(2, "x"))
    assert not is_disk_full(raised(OSError(13, "x"), MediaError("cannot write")))


def test_a_reason_is_one_line() -> None:
    assert reason_of(MediaError("no\nframes", fix="none")) == "no frames"
    assert reason_of(RuntimeError("a\n  b")) == "RuntimeError: a b"
