from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from benchmarks.cli import COMMANDS, cli, main
from tests.benchmarks.calling import Call

SURFACE = Path(__file__).parent / "cli_surface.json"
ROOT = Path(__file__).resolve().parents[2]


def surface(command: click.Command, path: str = "eap-bench") -> dict[str, Any]:
    """Names, options, defaults: what scripts of users depend on."""
    found: dict[str, Any] = {}
    options: dict[str, dict[str, Any]] = {}
    for parameter in command.params:
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
        default = parameter.default if isinstance(parameter.default, str | int | float | bool) else None
        options[names] = {"required": parameter.required, "multiple": parameter.nargs == -1, "default": default}
        if isinstance(parameter, click.Option):
            options[names]["multiple"] = parameter.multiple
        if isinstance(parameter.type, click.Choice):
            options[names]["choices"] = list(parameter.type.choices)
    found[path] = options
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found |= surface(child, f"{path} {name}")
    return found


def test_the_surface_is_frozen() -> None:
    """Deliberate changes: run this file as a script to write the snapshot again, and say so in the change."""
    assert surface(cli) == json.loads(SURFACE.read_text())


@pytest.mark.parametrize("path", sorted(surface(cli)))
def test_every_command_has_help_with_an_example(path: str, call: Call) -> None:
    said = call(*path.split()[1:], "--help")
    assert said.code == 0
    assert "Example:" in said.out
    assert path in said.out.split("Example:")[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_help_is_the_commands_own_first_sentence(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    words = (command.help or "").split("\b")[0].split("\n\n")[0].split()
    assert " ".join(words).startswith(COMMANDS[name].help.rstrip("."))


@pytest.mark.parametrize("path", [path for path, options in surface(cli).items() if "-h, --help" not in options])
def test_commands_that_print_results_have_json(path: str) -> None:
    groups = {
        "eap-bench",
        "eap-bench study",
        "eap-bench baseline",
        "eap-bench data",
        "eap-bench weights",
        "eap-bench cache",
    }
    assert ("--json" in surface(cli)[path]) == (path not in groups)


def test_help_imports_nothing_heavy_and_no_command() -> None:
    code = (
        "import sys\n"
        "from benchmarks.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(' '.join(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"torch", "numpy", "scipy", "pandas", "librosa", "matplotlib", "av", "cv2", "pydantic", "rich", "pyarrow"}
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith("benchmarks.cli.") and name != "benchmarks.cli.settings"}


def test_version(call: Call) -> None:
    from eap import __version__

    assert call("--version").out == f"eap-bench {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dance"], "error: No such command 'dance'"),
        (["run", "--colour"], "error: No such option '--colour'"),
        (["generate"], "error: Missing option '--image'"),
        (["run", "--workers", "many"], "error: Invalid value for '--workers'"),
        (["run", "--suite", "nothing"], "error: no suite named 'nothing'; choose one of mead, mead-full, smoke"),
        (["metrics", "beauty"], "error: unknown metric 'beauty'; choose from"),
        (["data", "synth"], "error: nothing to write; give --out"),
        (["data", "synth", "--out", "w", "--identities", "a"], "error: --identities: 'a' is not a number or a range"),
        (["data", "synth", "--out", "w", "--identities", "0"], "error: --identities: 0 is nobody"),
        (["data", "synth", "--out", "w", "--emotion", "joy"], "error: --emotion: unknown joy; choose from angry"),
        (["cache", "clear", "--part", "gold"], "no part named 'gold'"),
        (["report", "--run", "nowhere"], "nowhere"),
        (["data", "verify", "nowhere"], "error: nowhere: no such folder; a MEAD folder holds"),
    ],
)
def test_usage_errors_are_one_line_and_exit_code_2(arguments: list[str], message: str, call: Call) -> None:
    said = call(*arguments)
    assert said.code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert message in said.err


def test_unexpected_exceptions_are_one_line_unless_debug(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("odd\nthing")

    monkeypatch.setattr("metrics.registry.all_metrics", broken)
    said = call("metrics")
    assert (said.code, said.err.count("\n")) == (3, 1)
    assert said.err.startswith("error: unexpected ValueError: odd thing; run it with --debug")
    with pytest.raises(ValueError, match="odd"):
        main(["metrics", "--debug"])


def test_a_full_disk_is_one_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reports.build", full)
    said = call("report", "--run", "x")
    assert (said.code, said.err) == (3, "error: the disk is full; free some space, then run the same command again\n")


def test_ctrl_c_says_how_to_go_on(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt("12 finished rows are kept in runs/x")

    monkeypatch.setattr("benchmarks.runner.run", stopped)
    said = call("run", "--suite", "smoke")
    assert said.code == 130
    assert said.err.strip() == (
        "interrupted: 12 finished rows are kept in runs/x; "
        "run the same command again to go on: eap-bench run --suite smoke"
    )


def test_settings_file_gives_defaults_and_flags_win(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from benchmarks.runner import RunSettings

    seen: list[RunSettings] = []

    def remember(settings: RunSettings, **_: object) -> None:
        seen.append(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.runner.run", remember)
    (tmp_path / "eap-bench.toml").write_text('[run]\nsuite = "smoke"\nworkers = 1\nno-report = true\n')
    call("run")
    call("run", "--suite", "mead")
    monkeypatch.setenv("EAP_RUN_WORKERS", "3")
    call("run")
    assert [(s.suite, s.workers, s.report) for s in seen] == [
        ("smoke", 1, False),
        ("mead", 1, False),
        ("smoke", 3, False),
    ]


@pytest.mark.parametrize("text", ["[dance]\nx = 1\n", "run = 3\n", "[run\n"])
def test_a_wrong_settings_file_is_named(text: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "eap-bench.toml").write_text(text)
    said = call("metrics")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "eap-bench.toml" in said.err


def test_metrics_lists_every_metric(call: Call) -> None:
    names = {item["name"] for item in json.loads(call("metrics", "--json").out)}
    assert {"psnr", "ssim", "fid", "m_lmd", "f_lmd", "lse_c", "lse_d", "emotion_accuracy", "intensity_pcc"} <= names
    assert {"intensity_ccc", "saturation_index", "reference_leakage"} <= names
    shown = call("metrics").out
    assert all(name in shown for name in names)
    assert "skimage" in json.loads(call("metrics", "psnr", "--json").out)["source"]


def test_cache_shows_and_clears_only_its_own(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAP_CACHE", str(tmp_path / "c"))
    assert json.loads(call("cache", "show", "--json").out)["bytes"] == 0
    for part in ("worlds", "features", "thesis"):
        (tmp_path / "c" / part).mkdir(parents=True)
        (tmp_path / "c" / part / "file").write_bytes(b"x" * 100)
    assert json.loads(call("cache", "show", "--json").out)["parts"] == {"features": 100, "worlds": 100}
    assert json.loads(call("cache", "clear", "--part", "worlds", "--yes", "--json").out)["removed"] == 100
    assert call("cache", "clear", "--yes").code == 0
    assert [entry.name for entry in (tmp_path / "c").iterdir()] == ["thesis"]


def test_data_synth_then_verify(call: Call, tmp_path: Path) -> None:
    world = tmp_path / "w"
    arguments = ["--identities", "2001-2001", "--emotion", "neutral,happy", "--levels", "1", "--seconds", "0.2"]
    said = call("data", "synth", "--out", world, *arguments, "--size", "32", "--no-twin", "--workers", "1", "--json")
    assert json.loads(said.out)["written"] == 2
    assert json.loads(call("data", "verify", world, "--decode", "--json").out)["clips"] == 2
    empty = next(world.rglob("happy/level_1/*.mp4"))
    empty.write_bytes(b"")
    (world / "M2001" / "video" / "front" / "joy").mkdir(parents=True)
    (world / "M2001" / "video" / "front" / "joy" / "001.mp4").write_bytes(b"x")
    said = call("data", "verify", world)
    assert said.code == 1
    assert "empty (0 bytes)" in said.out
    assert "unknown emotion joy" in said.out


if __name__ == "__main__":
    SURFACE.write_text(json.dumps(surface(cli), indent=1, sort_keys=True) + "\n")
