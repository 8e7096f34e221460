"""The web form's server: routes for data. Pages are in `pages`, the experimenter's part in `admin`.

Routes are plain functions: Starlette runs them in threads, so a slow disk holds up one rater and not all.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from user_study import admin, media, pages
from user_study.answers import Given
from user_study.database import StoreUnavailableError
from user_study.folder import check_clip, open_folder
from user_study.security import Guard, Prefix, csrf_holds, from_elsewhere
from user_study.serving import DATABASE_VARIABLE, FOLDER_VARIABLE, PARENT_VARIABLE, ROOT_VARIABLE, watch_parent
from user_study.session import RefusedError
from user_study.store import Me, Store
from user_study.web import rater_cookie

RETRY_SECONDS = "2"
SWITCH_SECONDS = 0.0005
"""How long a thread that makes a page may keep the interpreter from the one that saves, which asks for it back after
every statement: with Python's 5 ms an answer of ten statements would wait for 50 ms of other raters' pages."""
STATIC = Path(__file__).parent / "static"
STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Check(BaseModel):
    """The sound and picture check's answer and what the browser says of the device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    beeps: Annotated[int, Field(ge=0, le=9)] = 0
    shape: Annotated[str, Field(max_length=20)] = ""
    width: Annotated[int, Field(ge=0, le=100000)] = 0
    height: Annotated[int, Field(ge=0, le=100000)] = 0
    ratio: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 1.0
    touch: bool = False


def create_app(store: Store, root_path: str = "") -> FastAPI:
    """The whole application on one store. `root_path`: the prefix under which a proxy shows it, like "/study"."""
    app = FastAPI(title="eap-bench user study", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.store = store
    app.add_middleware(Prefix, root_path=root_path)
    app.add_middleware(Guard)
    _add_data(app)
    _add_media(app)
    app.include_router(pages.router)
    app.include_router(admin.router)
    _add_errors(app)
    return app


def from_environment() -> FastAPI:
    """What each worker process of `study serve` runs."""
    watch_parent(int(os.environ.get(PARENT_VARIABLE, "0")))
    sys.setswitchinterval(SWITCH_SECONDS)
    study = open_folder(os.environ[FOLDER_VARIABLE])
    store = Store(study, os.environ.get(DATABASE_VARIABLE, ""))
    return create_app(store, os.environ.get(ROOT_VARIABLE, ""))


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _cookie(request: Request, store: Annotated[Store, Depends(_store)]) -> str:
    return request.cookies.get(rater_cookie(store), "")


def _me(store: Annotated[Store, Depends(_store)], cookie: Annotated[str, Depends(_cookie)]) -> Me:
    found = store.me(cookie)
    if found is None:
        raise HTTPException(401, "no session: open the study's address again")
    return found


def _protected(request: Request, store: Annotated[Store, Depends(_store)]) -> None:
    cookie = request.cookies.get(rater_cookie(store), "")
    token = request.headers.get("x-csrf-token", "")
    if from_elsewhere(request) or not csrf_holds(store.study.key, cookie, token):
        raise HTTPException(403, "this request does not come from the study's own page")


StoreHere = Annotated[Store, Depends(_store)]
CookieHere = Annotated[str, Depends(_cookie)]
"""For routes that look the rater up in the same transaction as the rest."""
MeHere = Annotated[Me, Depends(_me)]


def _add_data(app: FastAPI) -> None:
    @app.get("/health")
    def health(store: StoreHere) -> dict[str, str]:
        """Whether the database answers (for proxies and monitors)."""
        store.me("-")
        return {"status": "ok"}

    @app.get("/api/state", responses={401: {}, 503: {}})
    def state(store: StoreHere, cookie: CookieHere) -> dict[str, Any]:
        """Where the rater is; a rater who was silent for long is woken."""
        return store.enter(cookie)

    @app.post("/api/answers", dependencies=[Depends(_protected)], responses={401: {}, 403: {}, 404: {}, 409: {}})
    def save(given: Given, store: StoreHere, cookie: CookieHere) -> dict[str, Any]:
        """Save one answer: 200 means that it is on the disk."""
        saved, state = store.answer(cookie, given)
        return {
            "saved": given.id, "replayed": saved.replayed, "correct": saved.correct, "feedback": saved.feedback,
            "again": saved.again, "state": state,
        }  # fmt: skip

    @app.post("/api/check", dependencies=[Depends(_protected)], responses={401: {}, 403: {}, 409: {}})
    def check(given: Check, request: Request, store: StoreHere, me: MeHere) -> dict[str, Any]:
        """The sound and picture check."""
        device = pages.device_of(given.width, given.height, given.ratio, given.touch, request)
        stage = store.pass_check(me.rater, device, f"{given.beeps}-{given.shape}")
        return {"stage": stage}


def _add_media(app: FastAPI) -> None:
    @app.api_route("/media/check", methods=["GET", "HEAD"], response_class=Response, include_in_schema=False)
    def check_media(request: Request, store: StoreHere, me: MeHere) -> Response:
        """The clip of the rater's own check."""
        secret = store.check_secret(me.rater)
        beeps, _, shape = secret.partition("-")
        tag = media.etag(store.study.key, me.rater)
        return media.send(request, store.study.folder, check_clip(int(beeps), shape), tag)

    @app.api_route("/media/{trial}/{which}", methods=["GET", "HEAD"], response_class=Response, include_in_schema=False)
    def clip(
        trial: str, which: Literal["0", "1", "reference"], request: Request, store: StoreHere, me: MeHere
    ) -> Response:
        """A clip or reference image of one of the rater's own trials."""
        relative = store.media(me.rater, trial, which)
        if relative is None:
            return Response("not found", 404)
        return media.send(request, store.study.folder, relative, media.etag(store.study.key, f"{trial}/{which}"))

    @app.get("/static/{name}", response_class=Response, include_in_schema=False)
    def static(name: str) -> Response:
        """Styles and scripts."""
        known = {path.name: path for path in STATIC.iterdir()}
        if name not in known or known[name].suffix not in STATIC_TYPES:
            return Response("not found", 404)
        headers = {"cache-control": "public, max-age=300"}
        return Response(known[name].read_bytes(), 200, headers, STATIC_TYPES[known[name].suffix])


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RefusedError)
    def refused(request: Request, error: RefusedError) -> Response:
        """What does not fit the rater's state."""
        return _problem(request, error.status, error.message)

    @app.exception_handler(StoreUnavailableError)
    def unavailable(request: Request, error: StoreUnavailableError) -> Response:
        """The database cannot take it now: browsers keep their answer and try again."""
        pages.log.error("%s; %s", error.message, error.fix)
        reply = _problem(request, 503, "The server cannot save right now. Nothing is lost: please try again.")
        reply.headers["retry-after"] = RETRY_SECONDS
        return reply

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        """Input of the wrong form; what was sent is not sent back."""
        first = error.errors()[0]
        return _problem(request, 422, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        """Everything the routes refuse."""
        return _problem(request, error.status_code, str(error.detail))


def _problem(request: Request, status: int, message: str) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return pages.problem(request, status, message)
    return JSONResponse({"error": message}, status)
