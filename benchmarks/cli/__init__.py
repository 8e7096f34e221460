"""The command line ``eap-bench``: a group whose commands are imported only when they are used.

Exit codes: 0 fine, 1 a verdict against (regressed, unusable files found), 2 usage or bad input, 3 could not measure,
130 stopped by Ctrl-C. Errors are one line, ``error: <what>; <fix>``; ``--debug`` shows the traceback instead.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import click

from eap import __version__


class Entry(NamedTuple):
    """Where a command lives, and its line in ``eap-bench --help`` (shown without importing it)."""

    module: str
    attribute: str
    help: str


COMMANDS: dict[str, Entry] = {
    "run": Entry("run", "run", "Measure methods on a suite and write the report."),
    "score": Entry("score", "score", "Measure generated videos against reference videos."),
    "generate": Entry("generate", "generate", "Make a talking face from one face image and a voice."),
    "neutralize": Entry("generate", "neutralize", "Take the expression out of a face image."),
    "train": Entry("train", "train", "Rebuild the bundled weights from nothing."),
    "data": Entry("data", "data", "Write the embedded world; check and prepare datasets."),
    "metrics": Entry("metrics", "metrics", "List the metrics, or show one."),
    "check": Entry("check", "check", "Hold a run against its baseline."),
    "baseline": Entry("baseline", "baseline", "Move, show and compare baselines."),
    "history": Entry("history", "history", "Plot every metric over the runs of a folder."),
    "validate": Entry("validate", "validate", "Validate the metrics: damage clips with known truth."),
    "report": Entry("report", "report", "Write the report of a run, or of several compared."),
    "table": Entry("table", "table", "Print one table of the methods of runs."),
    "study": Entry("study", "study", "Ask people: a rating web form, its answers and their statistics."),
    "weights": Entry("weights", "weights", "List, fetch and verify weights."),
    "noise": Entry("noise", "noise", "Measure A/A noise and propose floors."),
    "cache": Entry("cache", "cache", "Show or clear what is cached."),
    "doctor": Entry("doctor", "doctor", "Check this installation."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of a user's day, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(import_module(f"benchmarks.cli.{entry.module}"), entry.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from the entries alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110, "auto_envvar_prefix": "EAP"}


@click.group(cls=LazyGroup, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="eap-bench", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error instead of one line.")
def cli(debug: bool) -> None:
    """Emotional talking faces: make them, and measure them so that a number means the same thing twice.

    \b
    Example:
      eap-bench run --suite mead
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script: run, and leave with the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Accepted wherever it stands: one adds it to the end of the line that failed.
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    sys.exit(_run(arguments, debug))


def _run(arguments: list[str], debug: bool) -> int:
    from benchmarks.cli.settings import load_settings
    from benchmarks.spoken import set_arguments
    from eap.errors import EapError

    set_arguments(arguments)
    try:
        code = cli.main(
            args=arguments, prog_name="eap-bench", standalone_mode=False, default_map=load_settings(COMMANDS)
        )
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        name = error.ctx.command_path if error.ctx else "eap-bench"
        return _fail(error.format_message().rstrip("."), f"see '{name} --help'", 2)
    except (KeyboardInterrupt, click.Abort) as error:
        # click puts its Abort in the place of the KeyboardInterrupt, which holds what is kept.
        kept = str(error) or str(error.__cause__ or "")
        note = f"{kept}; " if kept else ""
        line = f"interrupted: {note}run the same command again to go on: {shlex.join(['eap-bench', *arguments])}"
        print(f"\n{line}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) went away: that is no error.
        sys.stdout = None
        return 0
    except EapError as error:
        if debug:
            raise
        return _fail(error.message, error.fix, error.exit_code)
    except Exception as error:
        if debug:
            raise
        return _unexpected(error)


def _fail(what: str, fix: str, code: int) -> int:
    what = " ".join(what.split())
    print(f"error: {what}; {fix}" if fix else f"error: {what}", file=sys.stderr)
    return code


def _unexpected(error: Exception) -> int:
    from benchmarks.faults import is_disk_full

    if is_disk_full(error):
        return _fail("the disk is full", "free some space, then run the same command again", 3)
    if isinstance(error, OSError) and error.filename is not None:
        return _fail(f"{error.filename}: {error.strerror or type(error).__name__}", "check the path and its rights", 2)
    if isinstance(error, ModuleNotFoundError):
        return _fail(f"the package '{error.name}' is missing", "install eap-bench again", 2)
    return _fail(
        f"unexpected {type(error).__name__}: {error}", "run it with --debug to see where, and report that as a bug", 3
    )
