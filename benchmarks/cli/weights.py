"""``eap-bench weights``."""

from __future__ import annotations

import click

from benchmarks.cli.common import json_option, note, print_json


@click.group()
def weights() -> None:
    """List and verify the bundled weights.

    \b
    Example:
      eap-bench weights list
    """


@weights.command("list")
@json_option
def list_weights(as_json: bool) -> None:
    """What the bundle holds: talking models, teachers of the training, evaluators of the metrics.

    \b
    Example:
      eap-bench weights list --json
    """
    from dataclasses import asdict

    from eap.bundle.store import BUNDLE_DIR, read_manifest

    entries = read_manifest()
    if as_json:
        print_json({"bundle": str(BUNDLE_DIR), "weights": [asdict(entry) for entry in entries.values()]})
        return
    if not entries:
        note(f"{BUNDLE_DIR} holds no weights")
    for entry in sorted(entries.values(), key=lambda item: (item.meta.role, item.name)):
        size = f"{entry.bytes / 1e6:.1f} MB"
        click.echo(f"{entry.meta.role:10} {entry.name:20} {size:>8}  {entry.meta.architecture:22} {entry.sha256[:12]}")


@weights.command()
@json_option
def verify(as_json: bool) -> int:
    """Check every file of the bundle against its hash, and that judges are independent of teachers.

    \b
    Example:
      eap-bench weights verify
    """
    from eap.bundle.store import BUNDLE_DIR, read_manifest
    from eap.bundle.store import verify as verify_bundle

    problems = verify_bundle()
    if not problems and not read_manifest():
        problems = [f"{BUNDLE_DIR}: no weights"]
    if as_json:
        print_json({"bundle": str(BUNDLE_DIR), "problems": problems})
    else:
        for problem in problems:
            note(problem)
        click.echo(f"{BUNDLE_DIR}: {len(problems)} problem(s)" if problems else f"{BUNDLE_DIR}: all files are right")
    return 1 if problems else 0
