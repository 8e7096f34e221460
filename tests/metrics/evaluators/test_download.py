"""The download against a server that drops, truncates and lies."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from eap.errors import WeightsError
from eap.perception.official.files import WeightFile
from metrics.evaluators.download import fetch, source_url
from metrics.evaluators.weights import TRUSTED, check, require, weight_file
from tests.metrics.evaluators.liar import Liar, Trick, serving

BODY = bytes((i * 7 + i // 251) % 256 for i in range(50_000))
SHA = hashlib.sha256(BODY).hexdigest()


def _item(liar: Liar | None = None, *, sha256: str = SHA, size: int | None = len(BODY)) -> WeightFile:
    url = f"{liar.url}/published/net.pth" if liar else "http://127.0.0.1:9/net.pth"
    return WeightFile("net", "net.pth", url, "a test", "none", size, sha256)


def _fetch(item: WeightFile, folder: Path, attempts: int = 4) -> Path:
    return fetch(item, folder=folder, attempts=attempts, pause=0.001)


def test_a_fine_server(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    with serving(BODY) as liar:
        path = fetch(_item(liar), folder=tmp_path, progress=lambda done, total: seen.append((done, total)))
        assert path.read_bytes() == BODY
        assert seen[0] == (0, len(BODY))
        assert seen[-1] == (len(BODY), len(BODY))
        _fetch(_item(liar), tmp_path)
        assert len(liar.ranges) == 1, "a file that is there and right is not fetched again"
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_dropped_connection_is_resumed(tmp_path: Path, size: int | None) -> None:
    with serving(BODY, "drop", "drop", "fine") as liar:
        assert _fetch(_item(liar, size=size), tmp_path).read_bytes() == BODY
        assert liar.ranges == [None, "bytes=25000-", "bytes=37500-"]


def test_a_later_call_resumes_what_an_earlier_one_left(tmp_path: Path) -> None:
    with serving(BODY, "drop", "500") as liar:
        with pytest.raises(WeightsError, match=r"500 Internal Server Error, 2 attempts; 25000 bytes are kept; run the"):
            _fetch(_item(liar), tmp_path, attempts=2)
        assert not (tmp_path / "net.pth").exists()
        assert (tmp_path / "net.pth.part").stat().st_size == 25000
        liar.tricks = ["fine"]
        assert _fetch(_item(liar), tmp_path).read_bytes() == BODY
        assert liar.ranges[-1] == "bytes=25000-"


@pytest.mark.parametrize("trick", ["chunked-drop", "500"])
def test_passing_faults_are_tried_again(tmp_path: Path, trick: Trick) -> None:
    with serving(BODY, trick, trick, "fine") as liar:
        assert _fetch(_item(liar), tmp_path).read_bytes() == BODY
        assert len(liar.ranges) == 3


def test_a_server_that_ignores_ranges_sends_all_again(tmp_path: Path) -> None:
    with serving(BODY, "drop", "no-range") as liar:
        assert _fetch(_item(liar), tmp_path).read_bytes() == BODY


def test_a_server_that_sends_another_range_is_not_believed(tmp_path: Path) -> None:
    with serving(BODY, "drop", "shifted", "fine") as liar:
        assert _fetch(_item(liar), tmp_path).read_bytes() == BODY
        assert liar.ranges == [None, "bytes=25000-", None]


def test_an_old_part_of_another_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(b"z" * 1000)
    with serving(BODY) as liar:
        assert _fetch(_item(liar), tmp_path).read_bytes() == BODY
        assert liar.ranges == ["bytes=1000-", None]
    (tmp_path / "net.pth").unlink()
    (tmp_path / "net.pth.part").write_bytes(b"z" * (len(BODY) + 5))
    with serving(BODY) as liar:
        assert _fetch(_item(liar), tmp_path).read_bytes() == BODY
        assert liar.ranges == [None]


def test_nothing_after_the_part_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(b"z" * (len(BODY) + 5))
    with serving(BODY) as liar:
        assert _fetch(_item(liar, size=None), tmp_path).read_bytes() == BODY
        assert liar.ranges == [f"bytes={len(BODY) + 5}-", None]


@pytest.mark.parametrize(
    ("trick", "says"),
    [
        ("wrong", "sha256 is .*, expected .*: not the published file, it was not kept"),
        ("longer", "offers 50007 bytes, expected 50000"),
        ("truncate", "offers 25000 bytes, expected 50000"),
        ("404", "the server answered 404 Not Found; set EAP_WEIGHTS_URL"),
    ],
)
def test_lies_are_refused_and_nothing_is_left(tmp_path: Path, trick: Trick, says: str) -> None:
    with serving(BODY, trick) as liar, pytest.raises(WeightsError, match=says):
        _fetch(_item(liar), tmp_path)
    assert not (tmp_path / "net.pth").exists()
    assert not (tmp_path / "net.pth.part").exists()
    assert len(liar.ranges) == 1


@pytest.mark.parametrize(("trick", "says"), [("truncate", "sha256 is"), ("longer", "sha256 is")])
def test_lies_about_a_file_of_unknown_size(tmp_path: Path, trick: Trick, says: str) -> None:
    with serving(BODY, trick) as liar, pytest.raises(WeightsError, match=says):
        _fetch(_item(liar, size=None), tmp_path)
    assert not list(tmp_path.glob("net.pth*"))


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    with serving(BODY, "redirect", "fine") as liar:
        assert _fetch(_item(liar), tmp_path).read_bytes() == BODY
        assert liar.paths == ["/published/net.pth", "/moved/published/net.pth"]


def test_no_server_at_all(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"net\.pth: the connection broke .*, 2 attempts; run the command again"):
        _fetch(_item(), tmp_path, attempts=2)


def test_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(BODY) as liar:
        monkeypatch.setenv("EAP_WEIGHTS_URL", f"{liar.url}/mirror/")
        assert _fetch(_item(), tmp_path).read_bytes() == BODY
        assert liar.paths == ["/mirror/net.pth"]
    monkeypatch.setenv("EAP_WEIGHTS_URL", "file:///etc")
    with pytest.raises(WeightsError, match=r"not an http\(s\) address; for a folder use --from DIR"):
        source_url(_item())


def test_from_a_folder(tmp_path: Path) -> None:
    given, target = tmp_path / "stick", tmp_path / "weights"
    given.mkdir()
    with pytest.raises(WeightsError, match=r"stick/net\.pth: no such file; download it elsewhere from http"):
        fetch(_item(), folder=target, source=given)
    (given / "net.pth").write_bytes(BODY[:-1] + b"!")
    with pytest.raises(WeightsError, match="not the published file"):
        fetch(_item(), folder=target, source=given)
    assert not (target / "net.pth").exists()
    (given / "net.pth").write_bytes(BODY)
    assert fetch(_item(), folder=target, source=given).read_bytes() == BODY


def test_trust_on_first_use(tmp_path: Path) -> None:
    with serving(BODY, "fine", "wrong") as liar:
        item = _item(liar, sha256="", size=None)
        path = _fetch(item, tmp_path)
        assert json.loads((tmp_path / TRUSTED).read_text())["net.pth"]["sha256"] == SHA
        assert (check(item, tmp_path).state, check(item, tmp_path).detail) == ("ok", "trusted on first use")
        path.unlink()
        with pytest.raises(WeightsError, match="not the published file"):
            _fetch(item, tmp_path)  # the server's file has changed since
        assert not path.exists()
        path.write_bytes(BODY[:-1])
        assert check(item, tmp_path).state == "wrong"
        (tmp_path / TRUSTED).unlink()
        assert check(item, tmp_path).state == "unknown"
        (tmp_path / TRUSTED).write_text("[]")
        with pytest.raises(WeightsError, match=r"trusted\.json: damaged; delete it"):
            check(item, tmp_path)


def test_a_file_nobody_can_check_must_say_how_long_it_is(tmp_path: Path) -> None:
    with serving(BODY, "nameless") as liar, pytest.raises(WeightsError, match="does not say how long it is"):
        _fetch(_item(liar, sha256="", size=None), tmp_path)
    assert not list(tmp_path.glob("net.pth*"))


def test_require_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"syncnet_v2\.model: no such file: .*'eap-bench weights fetch syncnet'"):
        require("syncnet", tmp_path)
    item = weight_file("syncnet_v2.model")
    (tmp_path / item.file).write_bytes(BODY)
    with pytest.raises(WeightsError, match=r"has 50000 bytes, expected 54573114; delete it and run"):
        require("syncnet", tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("a file")
    with pytest.raises(WeightsError, match="EAP_WEIGHTS chooses another"):
        fetch(_item(), folder=tmp_path / "weights")
