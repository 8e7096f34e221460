"""The user study's data routes against schemathesis: every operation of the OpenAPI, no answer of 500 or more.

schemathesis is no dependency of the project: install it anywhere and name its program with --schemathesis.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

import httpx

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.study_load import make_study, wait_until_up
from benchmarks.evidence.study_raters import Killable, free_port
from eap.errors import MeasureError
from user_study.app import create_app
from user_study.store import Store

CHECKS = "not_a_server_error"


def measure(args: argparse.Namespace) -> Figures:
    """Serve a study, log a rater in, let schemathesis loose with the rater's cookie and token."""
    with tempfile.TemporaryDirectory(prefix="study-fuzz-") as work:
        study = make_study(Path(work) / "study", seconds=0.4, trials=12, playback="false")
        store = Store(study)
        document = Path(work) / "openapi.json"
        openapi = create_app(store).openapi()
        document.write_text(json.dumps(openapi))
        store.close()
        port = free_port()
        server = Killable(study.folder, "", port)
        server.start()
        base = f"http://127.0.0.1:{port}"
        try:
            wait_until_up(base, 120)
            cookie, token = admitted(base)
            command = [
                args.schemathesis, "run", str(document), "--url", base, "--checks", CHECKS, "--max-examples",
                str(args.examples), "--seed", "1", "-H", f"Cookie: {cookie}", "-H", f"X-CSRF-Token: {token}",
                "-H", f"Origin: {base}",
            ]  # fmt: skip
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                raise MeasureError(f"{args.schemathesis}: {error.strerror}", fix="pip install schemathesis") from None
        finally:
            server.close()
        text = done.stdout + done.stderr
        if done.returncode not in (0, 1):
            raise MeasureError(f"schemathesis: {text.strip().splitlines()[-1]}", fix="run the command by hand")
        version = subprocess.run([args.schemathesis, "--version"], capture_output=True, text=True, check=True).stdout
        generated = [int(n) for n in re.findall(r"(\d+) generated", text)]
        return {
            "schemathesis": version.strip(),
            "operations": sum(len(methods) for methods in openapi["paths"].values()),
            "examples_per_operation": args.examples,
            "generated": max(generated, default=0),
            "server_errors": text.count("Server error"),
            "passed": done.returncode == 0,
        }


def admitted(base: str) -> tuple[str, str]:
    """A rater's cookie and CSRF token, past the check."""
    with httpx.Client(base_url=base, follow_redirects=True) as http:
        page = http.get("/").text
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        page = http.post("/consent", data=fields | {"agree": "yes"}).text
        token = re.findall(r'data-csrf="(\w+)"', page)[0]
        http.post("/api/check", json={}, headers={"x-csrf-token": token})
        return "; ".join(f"{name}={value}" for name, value in http.cookies.items()), token


def arguments(parser: argparse.ArgumentParser) -> None:
    """What is run."""
    parser.add_argument("--schemathesis", default="schemathesis", help="the program")
    parser.add_argument("--examples", type=int, default=200)


if __name__ == "__main__":
    main("study_fuzz", __doc__, measure, arguments)
