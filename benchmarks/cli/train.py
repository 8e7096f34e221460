"""``eap-bench train``: rebuild the bundle, or train a plan on data of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from benchmarks.cli.common import PATH, json_option, note, print_json, split_names
from eap.errors import ConfigError


@click.command()
@click.option("--recipe", default="bundle", show_default=True, help="'bundle', a stage of it (see --list), or a plan.")
@click.option("--data", type=PATH, help="A plan's data: a folder that 'data prepare' wrote.")
@click.option("--wild", type=PATH, help="The same for phase 1.  [default: --data]")
@click.option("--out", type=PATH, help="Where a plan's checkpoints, logs, curves and weights go.")
@click.option("--teachers", type=PATH, help="Folder of the published teachers.  [default: that of 'weights fetch']")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a value of the plan (repeat).")
@click.option("--phase", "phases", multiple=True, help="Only this phase of the plan (repeat, or commas).")
@click.option("--steps", type=click.IntRange(1), help="So many steps a phase: a trial of machine and data.")
@click.option("--work", type=PATH, default=Path("build/bundle"), show_default=True, help="Arrays and checkpoints.")
@click.option("--bundle", type=PATH, help="Where finished weights go.  [default: WORK/weights]")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes that render.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of a training.")
@click.option("--seconds", type=float, help="Computing time of each perception network (default: its own).")
@click.option("--device", default="cpu", show_default=True, help="Where talkers are trained: cpu, cuda.")
@click.option("--list", "list_stages", is_flag=True, help="Show the stages, what each costs, and stop.")
@click.option("--card", "card_run", type=PATH, help="Write CARD.md from this run directory, and stop.")
@json_option
def train(
    recipe: str,
    data: Path | None,
    wild: Path | None,
    out: Path | None,
    teachers: Path | None,
    settings: tuple[str, ...],
    phases: tuple[str, ...],
    steps: int | None,
    work: Path,
    bundle: Path | None,
    workers: int,
    threads: int,
    seconds: float | None,
    device: str,
    list_stages: bool,
    card_run: Path | None,
    as_json: bool,
) -> None:
    """Rebuild the bundled weights from nothing: data, teacher, phases, ablations, evaluators. Or train on real data.

    Stages that are done are skipped; a training that was stopped goes on from its checkpoint. A plan (paper-256, or the
    path of a .toml) trains on what 'eap-bench data prepare' wrote; docs/training-on-mead.md says what it costs.

    \b
    Example:
      eap-bench train --recipe bundle --work build/bundle
      eap-bench train --recipe eap --work build/bundle
      eap-bench train --recipe paper-256 --data mead-256 --wild vox-256 --out runs/paper --device cuda
      torchrun --nproc-per-node 8 -m benchmarks.cli train --recipe paper-256 --data mead-256 --out run --device cuda
    """
    from eap.training.bundle import SINGLE_FACTOR, STAGES, Workshop, records, run_stages
    from eap.training.plan import is_plan

    target = bundle or work / "weights"
    if list_stages:
        _print_stages(STAGES, records(work), as_json)
        return
    if card_run is not None:
        from benchmarks.card import write_card

        click.echo(write_card(work, target, card_run))
        return
    import torch

    torch.set_num_threads(threads)
    if is_plan(recipe):
        found = _train_plan(recipe, data, wild, out, teachers, (settings, phases, steps), device)
        if as_json:
            print_json(found)
        return
    if data is not None or out is not None:
        raise ConfigError(f"--data and --out are for plans, and {recipe!r} is none", fix="use --recipe paper-256")
    if recipe != "bundle" and recipe not in (*STAGES, *SINGLE_FACTOR):
        names = ", ".join((*STAGES, *SINGLE_FACTOR))
        raise ConfigError(f"no recipe {recipe!r}", fix=f"use 'bundle', a plan (paper-256) or one of {names}")
    note(f"{len(STAGES)} stages in all; on two cores the whole bundle takes hours (--list shows what each took)")
    shop = Workshop(work, target, workers, seconds, device, note)
    run_stages(shop, STAGES if recipe == "bundle" else (recipe,))
    if as_json:
        print_json(records(work))


def _train_plan(
    recipe: str,
    data: Path | None,
    wild: Path | None,
    out: Path | None,
    teachers: Path | None,
    changes: tuple[tuple[str, ...], tuple[str, ...], int | None],
    device: str,
) -> dict[str, Any]:
    """Train a plan's phases; under torchrun or accelerate launch in every process."""
    from eap.training.parallel import join, leave
    from eap.training.plan import PUBLISHED, load_plan, shortened
    from eap.training.real import Job, open_arrays, run_plan
    from metrics.evaluators.weights import FILES, weights_dir

    settings, phases, steps = changes
    plan = load_plan(recipe, settings)
    if steps is not None:
        plan = shortened(plan, steps)
    if data is None or out is None:
        raise ConfigError(f"the plan {plan.name!r} needs --data and --out", fix="see eap-bench train --help")
    judges = {item.name: item.sha256 for item in FILES if item.name in plan.judges}
    folder = teachers or (weights_dir() if plan.teachers == PUBLISHED else None)
    arrays, wild_arrays = open_arrays(data), open_arrays(wild) if wild else None
    group, device = join(device)
    try:
        return run_plan(
            Job(plan, arrays, out, wild_arrays, folder, judges, device, group, note), split_names(phases)
        )  # fmt: skip
    finally:
        leave()


def _print_stages(stages: tuple[str, ...], done: dict[str, dict[str, object]], as_json: bool) -> None:
    rows = [{"stage": name, "wall_seconds": done.get(name, {}).get("wall_seconds")} for name in stages]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        took = row["wall_seconds"]
        click.echo(f"{row['stage']:18} {'not done' if took is None else f'done in {took} s'}")
