"""The experimenter's page: how the study stands, live, behind a token."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from user_study import security
from user_study.progress import progress, screening
from user_study.security import from_elsewhere, set_cookie
from user_study.store import FAILURE_WINDOW, Store
from user_study.web import admin_cookie_name, base, log, render

router = APIRouter()
SCREEN_EVERY = 30.0
"""Seconds."""


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _logged_in(request: Request) -> bool:
    store = _store(request)
    cookie = request.cookies.get(admin_cookie_name(store), "")
    return bool(cookie) and security.admin_cookie_holds(store.study.key, cookie, store.clock.now())


def _try(request: Request, token: str) -> None:
    """Raises 429 while an address is locked out (right tokens too), 401 for a wrong token."""
    store = _store(request)
    if store.admin_locked(_address(request)):
        minutes = round(FAILURE_WINDOW / 60)
        raise HTTPException(429, f"too many wrong tokens: try again in {minutes} minutes")
    if not security.admin_token_holds(store.study.info.admin_sha256, token):
        store.admin_failed(_address(request))
        log.warning("admin: wrong token from %s", _address(request))
        raise HTTPException(401, "this is not the study's admin token")


@router.get("/admin", include_in_schema=False)
def page(request: Request) -> Response:
    """The live page, or the login."""
    if not _logged_in(request):
        return render(request, "admin_login.html", 401, message="")
    return render(request, "admin.html")


@router.post("/admin/login", include_in_schema=False)
def login(request: Request, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Take the token, set a cookie."""
    if from_elsewhere(request):
        return render(request, "admin_login.html", 403, message="Open this page by its own address.")
    try:
        _try(request, token)
    except HTTPException as error:
        return render(request, "admin_login.html", error.status_code, message=str(error.detail))
    store = _store(request)
    reply = RedirectResponse(f"{base(request)}/admin", 303)
    value = security.admin_cookie(store.study.key, store.clock.now())
    set_cookie(reply, request, admin_cookie_name(store), value, security.ADMIN_HOURS)
    return reply


@router.post("/admin/logout", include_in_schema=False)
def logout(request: Request) -> Response:
    """Forget the cookie."""
    reply = RedirectResponse(f"{base(request)}/admin", 303)
    security.drop_cookie(reply, request, admin_cookie_name(_store(request)))
    return reply


@router.get("/admin/data", responses={401: {}, 429: {}, 503: {}})
def data(request: Request) -> dict[str, Any]:
    """The numbers: by cookie, or with `Authorization: Bearer TOKEN`."""
    if not _logged_in(request):
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise HTTPException(401, "log in on /admin, or send the token as a bearer")
        _try(request, token.strip())
    store = _store(request)
    with store.database.read() as connection:
        told = progress(connection, store.study).as_dict()
        return told | {"screening": _screening(request, connection)}


def _screening(request: Request, connection: Connection) -> dict[str, Any] | None:
    """Screening reads every answer: it is done again only after a while. Whose it is stays out of the page."""
    store = _store(request)
    kept: tuple[float, dict[str, Any] | None] = getattr(request.app.state, "screened", (0.0, None))
    now = store.clock.now()
    if now - kept[0] > SCREEN_EVERY:
        found = screening(connection, store.study)
        kept = (now, None if found is None else {k: v for k, v in found.items() if k != "unused"})
        request.app.state.screened = kept
    return kept[1]
