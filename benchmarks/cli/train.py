"""``eap-bench train``: rebuild the bundle, or run one recipe of your own."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.cli.common import PATH, json_option, note, print_json
from eap.errors import ConfigError


@click.command()
@click.option("--recipe", default="bundle", show_default=True, help="'bundle', or a stage of it (see --list).")
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
    """Rebuild the bundled weights from nothing: data, teacher, phases, ablations, evaluators.

    Stages that are done are skipped; a training that was stopped goes on from its checkpoint.

    \b
    Example:
      eap-bench train --recipe bundle --work build/bundle
      eap-bench train --recipe eap --work build/bundle
    """
    from eap.training.bundle import STAGES, Workshop, records, run_stages

    target = bundle or work / "weights"
    if list_stages:
        _print_stages(STAGES, records(work), as_json)
        return
    if card_run is not None:
        from benchmarks.card import write_card

        click.echo(write_card(work, target, card_run))
        return
    if recipe != "bundle" and recipe not in STAGES:
        raise ConfigError(f"no recipe {recipe!r}", fix=f"use 'bundle' or one of {', '.join(STAGES)}")
    import torch

    torch.set_num_threads(threads)
    note(f"{len(STAGES)} stages in all; on two cores the whole bundle takes hours (--list shows what each took)")
    shop = Workshop(work, target, workers, seconds, device, note)
    run_stages(shop, STAGES if recipe == "bundle" else (recipe,))
    if as_json:
        print_json(records(work))


def _print_stages(stages: tuple[str, ...], done: dict[str, dict[str, object]], as_json: bool) -> None:
    rows = [{"stage": name, "wall_seconds": done.get(name, {}).get("wall_seconds")} for name in stages]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        took = row["wall_seconds"]
        click.echo(f"{row['stage']:18} {'not done' if took is None else f'done in {took} s'}")
