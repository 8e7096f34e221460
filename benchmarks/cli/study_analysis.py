"""``eap-bench study simulate``, ``analyze`` and ``power``: the part of a study that needs statistics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli.common import PATH, json_option, note, print_json
from eap.errors import ConfigError, DataError

if TYPE_CHECKING:
    from user_study.records import Intensity, Stimulus, Tables


@click.command()
@click.argument("folder", type=PATH, required=False)
@click.option("--design", type=PATH, help="Design file, to try without any clip.  [default: the packaged example]")
@click.option("--raters", type=click.IntRange(1, 5000), help="How many.  [default: the design's]")
@click.option("--mix", default="", help="Kinds of raters: honest=0.9,clicker=0.1.  [default: a mixed crowd]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--out", type=PATH, required=True, help="Folder for the tables, in the form of an export.")
@json_option
def simulate(
    folder: Path | None, design: Path | None, raters: int | None, mix: str, seed: int, out: Path, as_json: bool
) -> None:
    """Let simulated raters do a study, with known truth: a dry run before any person is asked.

    \b
    Example:
      eap-bench study simulate studies/faces --raters 40 --out dry-run
      eap-bench study simulate --design design.toml --mix honest=0.9,clicker=0.1 --out dry-run
    """
    from rich.console import Console
    from rich.progress import Progress

    from eap.files import write_json
    from user_study import simulate as simulation
    from user_study.design import parse_design
    from user_study.rater_kinds import parse_mix
    from user_study.records import write_tables

    if folder is not None and design is not None:
        raise ConfigError("a study's folder has its own design", fix="give either FOLDER or --design")
    text, stimuli, intensity = _of_study(folder) if folder is not None else _imagined(design)
    parsed = parse_design(text, str(folder or design or "the packaged design"))
    count = raters or parsed.raters
    note(f"{count} simulated raters, {len(stimuli)} stimuli{'' if folder else ' (imagined)'}")
    with Progress(console=Console(stderr=True), disable=as_json, transient=True) as progress:
        task = progress.add_task("raters", total=count)
        found = simulation.simulate(
            parsed, text, stimuli, intensity, raters=count, mix=parse_mix(mix) if mix else None, seed=seed,
            progress=lambda: progress.advance(task),
        )  # fmt: skip
    files = write_tables(out, found.tables)
    write_json(out / "truth.json", found.truth.record())
    told = {
        "raters": count,
        "answers": len(found.tables.answers),
        "files": [str(f) for f in [*files, out / "truth.json"]],
    }
    if as_json:
        print_json(told)
        return
    click.echo(f"{out}: {told['answers']} answers of {count} simulated raters; the truth is in truth.json")
    click.echo(f"next: eap-bench study analyze {out}")


def _of_study(folder: Path) -> tuple[str, list[Stimulus], list[Intensity]]:
    import pandas as pd

    from user_study.folder import open_folder
    from user_study.records import Intensity

    data = open_folder(folder)
    path = folder / "intensity.csv"
    rows: list[Intensity] = []
    if path.is_file():
        table = pd.read_csv(path, dtype={"clip": str, "track": str, "stimulus": str}, keep_default_na=False)
        rows = [Intensity(**{str(key): value for key, value in row.items()}) for row in table.to_dict("records")]
    return data.design_text, list(data.stimuli.values()), rows


def _imagined(design: Path | None) -> tuple[str, list[Stimulus], list[Intensity]]:
    from user_study.design import EXAMPLE, read_design
    from user_study.imagined import imagined_intensity, imagined_stimuli

    path = design or EXAMPLE
    parsed = read_design(path)
    stimuli = imagined_stimuli(parsed)
    return path.read_text(encoding="utf-8"), stimuli, imagined_intensity(stimuli)


@click.command()
@click.argument("folder", type=PATH)
@click.option("--run", "run_dir", type=PATH, help="Run directory whose report shall show the study.")
@click.option("--out", type=PATH, help="Folder for what is written.  [default: FOLDER/analysis]")
@click.option("--database", default="", help="PostgreSQL URL of a study's folder.  [default: SQLite in the folder]")
@json_option
def analyze(folder: Path, run_dir: Path | None, out: Path | None, database: str, as_json: bool) -> None:
    """Compute what the design asks: tables, plots, cleaning report and a page, from a study or an export.

    \b
    Example:
      eap-bench study analyze studies/faces --run runs/mead
      eap-bench study analyze dry-run --out dry-run/analysis
    """
    from user_study.analysis_page import write
    from user_study.analysis_tables import headlines

    tables = _tables(folder, database)
    target = out or folder / "analysis"
    made = write(tables, target, run_dir, (lambda _: None) if as_json else (lambda stage: note(f"{stage} ...")))
    result = made.result
    told: dict[str, Any] = {
        "page": str(made.page),
        "files": [str(f) for f in made.files],
        "run_file": str(made.run_file) if made.run_file else None,
        "raters": len(result.cleaning.raters),
        "raters_used": len(result.cleaning.used),
        "answers_used": result.answers_used,
        "headlines": headlines(result),
        "simulated": result.simulated,
    }
    if as_json:
        print_json(told)
        return
    if result.simulated:
        click.echo("SIMULATED raters: no person answered")
    click.echo(f"{told['raters_used']} of {told['raters']} raters used, {told['answers_used']} answers")
    for line in told["headlines"]:
        click.echo(line)
    click.echo(f"page: {made.page}")
    if run_dir is not None:
        click.echo(f"next: eap-bench report --run {run_dir}")


def _tables(folder: Path, database: str) -> Tables:
    from user_study.records import read_tables

    if (folder / "study.json").is_file() and (folder / "secret.key").is_file():
        from user_study.study import Study

        return Study.open(folder, database).tables()
    if (folder / "answers.csv").is_file():
        return read_tables(folder)
    raise DataError(
        f"{folder}: neither a study nor an export", fix="give a study's folder, or one that `study export` wrote"
    )


@click.command()
@click.option("--gain", type=float, help="True difference of two methods that must be told (accuracy: as a share).")
@click.option("--width", type=float, help="Wanted half width of the 95 % interval of one method's mean.")
@click.option("--power", "wanted", type=float, default=0.8, show_default=True, help="Chance to tell the gain.")
@click.option("--kind", type=click.Choice(["acr", "emotion"]), default="acr", show_default=True)
@click.option("--points", type=click.Choice(["5", "10"]), default="5", show_default=True, help="Points of the scale.")
@click.option("--mean", type=float, help="Mean of the lower method.  [default: 3 of 5 points, or 0.5]")
@click.option("--methods", type=click.IntRange(min=2), default=5, show_default=True)
@click.option("--clips", type=click.IntRange(min=2), default=48, show_default=True, help="Clips per method.")
@click.option("--trials", type=click.IntRange(min=2), default=40, show_default=True, help="Answers of one rater.")
@click.option("--pilot", type=PATH, help="An export whose raters and clips tell the spreads.")
@click.option("--question", default="", help="Question of the pilot.")
@click.option(
    "--studies", type=click.IntRange(min=0), default=400, show_default=True, help="Simulated to check; 0: none."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@json_option
def power(
    gain: float | None,
    width: float | None,
    wanted: float,
    kind: str,
    points: str,
    mean: float | None,
    methods: int,
    clips: int,
    trials: int,
    pilot: Path | None,
    question: str,
    studies: int,
    seed: int,
    as_json: bool,
) -> None:
    """Say how many raters are needed to tell a gain, or to make an interval narrow: by formula and by simulation.

    \b
    Example:
      eap-bench study power --gain 0.3 --methods 5 --clips 48 --trials 40
      eap-bench study power --kind emotion --gain 0.1 --pilot pilot/export --question emotion
    """
    from dataclasses import asdict

    from user_study import power as powers

    if (gain is None) == (width is None):
        raise ConfigError("power needs one aim", fix="give either --gain or --width")
    plan = _plan(kind, points, mean, methods, clips, trials, pilot, question)
    if gain is not None:
        need = powers.raters_for_gain(plan, gain, wanted, simulate=studies, seed=seed)
        words = f"power {need.reached:.3f} to tell a gain of {gain:g}"
    else:
        need = powers.raters_for_width(plan, width or 0.0, simulate=studies, seed=seed)
        words = f"interval ±{need.reached:.3g}"
    if as_json:
        print_json({"raters": need.raters, "need": asdict(need), "plan": asdict(plan), "pilot": str(pilot or "")})
        return
    source = f"from {pilot}" if pilot else "assumed: a pilot (--pilot) is better"
    spread = ", ".join(f"{name.replace('_', ' x ')} {value:.3g}" for name, value in asdict(plan.spread).items())
    click.echo(f"{need.raters} used raters: {words} (formula)")
    if need.simulated is not None:
        click.echo(f"  {need.studies} simulated studies: {need.simulated:.3f} ± {1.96 * (need.simulated_se or 0):.3f}")
    click.echo(f"  spreads ({source}): {spread}")
    click.echo(f"  recruit more: those whom screening leaves out are not counted ({need.raters} used of "
               f"{-(-need.raters * 100 // 80)} if one in five fails)")  # fmt: skip


def _plan(
    kind: str, points: str, mean: float | None, methods: int, clips: int, trials: int, pilot: Path | None, question: str
) -> Any:
    from dataclasses import replace

    from user_study import power as powers
    from user_study.records import read_tables

    what: powers.Kind = "emotion" if kind == "emotion" else "acr"
    spread = powers.TYPICAL[what]
    if pilot is not None:
        what, spread, seen = powers.spread_of_pilot(read_tables(pilot), question)
        mean = seen if mean is None else mean
    elif points == "10" and what == "acr":
        spread = replace(spread, **{name: value * 9 / 4 for name, value in vars(spread).items()})
    middle = 0.5 if what == "emotion" else (3.0 if points == "5" else 5.5)
    return powers.Plan(what, methods, clips, trials, spread, int(points), middle if mean is None else mean)
