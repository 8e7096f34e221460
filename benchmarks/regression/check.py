"""From two paths to a verdict: read, look for obstacles, compare, apply waivers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.baselines import baseline_path, read_baseline
from benchmarks.regression.compare import compare, obstacles
from benchmarks.regression.config import GateConfig, load_config
from benchmarks.regression.snapshot import Snapshot, snapshot_of_run
from benchmarks.regression.verdict import Comparison, Problem, Side, State, Verdict, Waiver
from eap.errors import ConfigError, EapError

_FAILING = (State.REGRESSED, State.MISSING, State.NOT_COMPARABLE)


def check(
    run: Path | str,
    baseline: Path | str | None = None,
    config: GateConfig | None = None,
    *,
    methods: tuple[str, ...] = (),
    metrics: tuple[str, ...] = (),
    today: date | None = None,
) -> Verdict:
    """Compare a run directory with a baseline: a baseline file, another run directory, or None.

    None means ``baselines/<suite>.json`` below the current folder. What cannot be read or compared is a `Problem` in
    the verdict (exit code 3), not an exception. Raises ConfigError (exit code 2) for a path that does not exist and
    for wrong settings.
    """
    run, named = Path(run), None if baseline is None else Path(baseline)
    if not run.exists():
        raise ConfigError(f"{run}: no such run", fix="give the directory that 'eap-bench run' wrote")
    if named is not None and not named.exists():
        raise ConfigError(f"{named}: no such baseline", fix="make one with 'eap-bench baseline accept'")
    config = config or load_config()
    made = datetime.now(UTC)
    problems: list[Problem] = []
    new = _read(run, State.MISSING, problems)
    if named is None and new is not None:
        named = baseline_path(new.suite)
        if not named.exists():
            fix = f"make one: eap-bench baseline accept --run {run}; or give --baseline"
            problems.append(Problem(State.NOT_COMPARABLE, f"suite '{new.suite}' has no baseline {named}", fix))
    old = None if named is None or not named.exists() else _read(named, State.NOT_COMPARABLE, problems)
    blank = Verdict(
        Side(str(run)), Side("" if named is None else str(named)), (), tuple(problems), strict=config.strict,
        confidence=config.confidence, made=made.isoformat(timespec="seconds"),
    )  # fmt: skip
    if new is None or old is None:
        return blank
    return judge_snapshots(new, old, config, blank, methods, metrics, today or made.date())


def _read(path: Path, state: State, problems: list[Problem]) -> Snapshot | None:
    try:
        return load_snapshot(path)
    except EapError as error:
        problems.append(Problem(state, error.message, error.fix))
        return None


def judge_snapshots(
    run: Snapshot, baseline: Snapshot, config: GateConfig, blank: Verdict, methods: tuple[str, ...] = (),
    metrics: tuple[str, ...] = (), today: date | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on two snapshots that could be read; ``blank`` carries what they do not."""
    verdict = replace(blank, run=_side(run), baseline=_side(baseline), notes=_notes(run, baseline))
    problems = obstacles(run, baseline)
    if problems:
        return replace(verdict, problems=problems)
    day = today or datetime.now(UTC).date()
    valid = [waiver for waiver in config.waivers if waiver.expires >= day]
    comparisons = [_waived(item, valid) for item in compare(run, baseline, config, methods=methods, metrics=metrics)]
    used = {item.waiver for item in comparisons}
    return replace(
        verdict,
        comparisons=tuple(comparisons),
        expired=tuple(waiver for waiver in config.waivers if waiver.expires < day),
        unused=tuple(waiver for waiver in valid if waiver not in used),
    )


def load_snapshot(path: Path) -> Snapshot:
    """A run directory or a baseline file as a snapshot. Raises EapError saying what is wrong with it."""
    if path.is_dir():
        return snapshot_of_run(path)
    return read_baseline(path)


def _waived(item: Comparison, waivers: list[Waiver]) -> Comparison:
    if not item.gated or item.state not in _FAILING:
        return item
    return replace(item, waiver=next((waiver for waiver in waivers if waiver.covers(item.key)), None))


def _side(snapshot: Snapshot) -> Side:
    return Side(
        snapshot.source, snapshot.suite, snapshot.protocol, snapshot.commit, snapshot.finished, snapshot.command,
        len(snapshot.clips), snapshot.clip_hash,
    )  # fmt: skip


def _notes(run: Snapshot, baseline: Snapshot) -> tuple[str, ...]:
    notes = []
    for word, mine, theirs in (
        ("weights", run.weights, baseline.weights),
        ("evaluators", run.evaluators, baseline.evaluators),
        ("versions", run.versions, baseline.versions),
    ):
        changed = sorted(name for name in mine.keys() & theirs.keys() if mine[name] != theirs[name])
        if changed:
            notes.append(f"other {word}: {', '.join(changed)}")
    return tuple(notes)
