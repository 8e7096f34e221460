"""Raters over real HTTP, and a server that can be killed: what `study_load` and the tests drive a study with."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import secrets
import signal
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import numpy as np

DESIGN = """
name = "load"
title = "Load"
seed = 1
[consent]
text = "Nobody is asked in a load test."
contact = "nobody"
[session]
sound_check = false
complete_playback = {playback}
[[questions]]
name = "emotion"
kind = "emotion"
[[questions]]
name = "naturalness"
kind = "acr"
text = "How natural?"
[[blocks]]
name = "ratings"
questions = ["emotion", "naturalness"]
trials = {trials}
"""


@dataclass
class Load:
    """What the raters saw."""

    acknowledged: list[str] = field(default_factory=list)
    """Ids of answers that the server confirmed with 200."""
    seconds: list[float] = field(default_factory=list)
    """From sending an answer to its confirmation, of those confirmed at the first try."""
    media_seconds: list[float] = field(default_factory=list)
    media_bytes: int = 0
    retries: int = 0
    replayed: int = 0
    refused: list[str] = field(default_factory=list)
    """Anything but 200 that is no trouble of the network or the database."""


class HttpRater:
    """One rater: consents, loads clips in parts, thinks, answers; tries again until it is confirmed."""

    def __init__(self, base: str, load: Load, think: tuple[float, float], seed: int) -> None:
        self.base, self.load, self.think = base, load, think
        self.dice = np.random.default_rng(seed)
        self.token = ""

    async def run(self, until: float) -> None:
        """Rate until the session or the time is over."""
        async with httpx.AsyncClient(base_url=self.base, timeout=60, follow_redirects=True) as http:
            await asyncio.sleep(float(self.dice.uniform(0, self.think[1])))  # raters do not come all at once
            state = await self.begin(http)
            while state["stage"] == "trials" and time.monotonic() < until:
                await self.watch(http, state)
                await asyncio.sleep(float(self.dice.uniform(*self.think)))
                if time.monotonic() >= until:
                    break
                state = await self.answer(http, state)

    async def begin(self, http: httpx.AsyncClient) -> dict[str, Any]:
        """Consent and the device check."""
        page = await self.ask(http, "GET", "/")
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        page = await self.ask(http, "POST", "/consent", data=fields | {"agree": "yes"})
        self.token = re.findall(r'data-csrf="(\w+)"', page.text)[0]
        await self.ask(http, "POST", "/api/check", json={"width": 1440, "height": 900})
        state: dict[str, Any] = (await self.ask(http, "GET", "/api/state")).json()
        return state

    async def ask(self, http: httpx.AsyncClient, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, again and again while the network or the database is away."""
        while True:
            try:
                reply = await http.request(method, path, headers={"x-csrf-token": self.token}, **options)
                if reply.status_code < 500:
                    return reply
            except httpx.TransportError:
                pass
            self.load.retries += 1
            await asyncio.sleep(float(self.dice.uniform(0.1, 0.4)))

    async def watch(self, http: httpx.AsyncClient, state: dict[str, Any]) -> None:
        """Load the open trial's clips, each in two parts."""
        if state["trial"]["step"]:
            return  # the second question on a clip that was loaded
        for clip in state["trial"]["clips"]:
            for part in ("bytes=0-4095", "bytes=4096-"):
                began = time.monotonic()
                try:
                    reply = await http.get(f"/{clip['url']}", headers={"range": part})
                except httpx.TransportError:
                    continue
                self.load.media_seconds.append(time.monotonic() - began)
                self.load.media_bytes += len(reply.content)
                if reply.status_code not in (206, 416, 500, 503):
                    self.load.refused.append(f"media {reply.status_code}")

    async def answer(self, http: httpx.AsyncClient, state: dict[str, Any]) -> dict[str, Any]:
        """Answer what is open; returns the state after it."""
        trial = state["trial"]
        question = trial["questions"][trial["step"]]
        sent = {
            "id": secrets.token_hex(16), "trial": trial["id"], "question": question["name"],
            "answer": str(self.dice.choice([option["value"] for option in question["options"]])),
            "playback": {"plays": 1, "watched": 1.0, "seconds": 2.0},
        }  # fmt: skip
        retries = self.load.retries
        began = time.monotonic()
        reply = await self.ask(http, "POST", "/api/answers", json=sent)
        took = time.monotonic() - began
        if reply.status_code != 200:
            self.load.refused.append(f"{reply.status_code} {reply.text[:100]}")
            found: dict[str, Any] = (await self.ask(http, "GET", "/api/state")).json()
            return found
        told = reply.json()
        self.load.acknowledged.append(str(sent["id"]))
        self.load.replayed += bool(told["replayed"])
        if self.load.retries == retries:
            self.load.seconds.append(took)
        after: dict[str, Any] = told["state"]
        return after


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Killable:
    """A server that is killed with SIGKILL and comes back at once: forked from a process that has imported all."""

    def __init__(self, folder: Path, database: str, port: int) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._parent = context.Process(target=_fork_servers, args=(theirs, str(folder), database, port), daemon=True)
        self._parent.start()
        theirs.close()
        self.pid = 0

    def start(self) -> None:
        """A new server process."""
        self._ours.send("start")
        self.pid = int(self._ours.recv())

    def kill(self) -> None:
        """SIGKILL: nothing in it gets a chance to tidy up."""
        os.kill(self.pid, signal.SIGKILL)
        self._ours.send("reap")
        self._ours.recv()

    def close(self) -> None:
        """The end."""
        self._ours.send("stop")
        self._parent.join(30)


def _fork_servers(orders: Connection, folder: str, database: str, port: int) -> None:
    import uvicorn

    from user_study.app import create_app
    from user_study.folder import open_folder
    from user_study.store import Store

    pid = 0
    while (order := orders.recv()) != "stop":
        if order == "start":
            pid = os.fork()
            if pid == 0:
                app = create_app(Store(open_folder(folder), database))
                uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", access_log=False)
                os._exit(0)
        else:
            os.waitpid(pid, 0)
        orders.send(pid)
    if pid:
        os.kill(pid, signal.SIGTERM)


async def rate(base: str, raters: int, think: tuple[float, float], seconds: float, first_seed: int = 0) -> Load:
    """Many raters at once for a while."""
    load = Load()
    until = time.monotonic() + seconds
    await asyncio.gather(*(HttpRater(base, load, think, first_seed + i).run(until) for i in range(raters)))
    return load


async def rate_and_kill(server: Killable, base: str, raters: int, kills: int, every: tuple[float, float]) -> Load:
    """The same as fast as they can, while the server is killed again and again at random moments."""
    load, dice = Load(), np.random.default_rng(0)
    stop = asyncio.Event()

    async def one(seed: int) -> None:
        while not stop.is_set():
            await HttpRater(base, load, (0.0, 0.02), seed).run(float("inf"))

    tasks = [asyncio.create_task(one(seed)) for seed in range(raters)]
    for _ in range(kills):
        before = len(load.acknowledged)
        await asyncio.sleep(float(dice.uniform(*every)))
        limit = time.monotonic() + 60
        while len(load.acknowledged) == before and time.monotonic() < limit:
            await asyncio.sleep(0.05)  # every life of the server serves somebody
        server.kill()
        server.start()
    stop.set()
    await asyncio.wait(tasks, timeout=2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return load
