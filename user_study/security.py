"""What keeps a study's raters, answers and admin page safe on the open web.

Cookies are random, HttpOnly and SameSite=Lax, never taken from an address, and renewed when a rater is admitted.
Requests that change anything carry a CSRF token bound to the cookie and must not come from another site. The content
policy allows this server's own files alone: no inline script or style. Bodies are cut off at a size.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

RATER_COOKIE, VISIT_COOKIE, ADMIN_COOKIE = "eap_rater", "eap_visit", "eap_admin"
MAX_BODY: Final = 262_144
"""Bytes: a trace of two minutes has about 100,000."""
ADMIN_HOURS = 12
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Middleware: size limit on bodies, security headers on every reply."""

    def __init__(self, app: ASGIApp, max_body: int = MAX_BODY) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = False

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            if not refused:
                await send(message)

        async def refuse() -> None:
            nonlocal refused
            if not refused:
                await too_large(scope, receive, protected)
                refused = True

        too_large = JSONResponse({"error": f"more than {self.max_body} bytes"}, 413, {"connection": "close"})
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > self.max_body:
            await refuse()
            return
        body, over = await _read(receive, self.max_body)
        if over:
            await refuse()
            return
        await self.app(scope, _replay(body, receive), protected)


class Prefix:
    """Middleware: the study lives under a prefix, whether the proxy in front strips it from the address or not."""

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and self.root_path:
            path = scope["path"]
            inside = path == self.root_path or path.startswith(f"{self.root_path}/")
            full = path if inside else self.root_path + path
            full = f"{full}/" if full == self.root_path else full
            scope = {**scope, "root_path": self.root_path, "path": full, "raw_path": full.encode()}
        await self.app(scope, receive, send)


async def _read(receive: Receive, limit: int) -> tuple[bytes, bool]:
    """The whole body, or what was read when it passed the limit; a missing length cannot get around this."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body), False
        body += message.get("body", b"")
        if len(body) > limit:
            return b"", True
        if not message.get("more_body", False):
            return bytes(body), False


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay


def csrf(key: bytes, cookie: str) -> str:
    """The token that belongs to a cookie."""
    return hmac.new(key, f"csrf\x1f{cookie}".encode(), hashlib.sha256).hexdigest()


def csrf_holds(key: bytes, cookie: str, token: str) -> bool:
    """Whether a token belongs to a cookie."""
    return bool(cookie) and hmac.compare_digest(csrf(key, cookie).encode(), token.encode())


def from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site made this request."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin", "")
    return bool(origin) and origin != "null" and urlsplit(origin).netloc != request.headers.get("host", "")


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def set_cookie(response: Response, request: Request, name: str, value: str, hours: float | None = None) -> None:
    """A cookie that scripts cannot read and other sites cannot use to post."""
    response.set_cookie(
        name, value, max_age=None if hours is None else round(hours * 3600), httponly=True,
        samesite="strict" if name == ADMIN_COOKIE else "lax",
        secure=request.url.scheme == "https", path=request.scope.get("root_path") or "/",
    )  # fmt: skip


def drop_cookie(response: Response, request: Request, name: str) -> None:
    """Have the browser forget a cookie."""
    response.delete_cookie(name, path=request.scope.get("root_path") or "/")


def admin_token_holds(sha256: str, token: str) -> bool:
    """Whether this is the admin token, in time that tells nothing."""
    return hmac.compare_digest(hashlib.sha256(token.encode()).hexdigest(), sha256)


def admin_cookie(key: bytes, now: float | None = None) -> str:
    """A cookie that proves a login until it expires; it holds nothing but that time, signed."""
    until = round((time.time() if now is None else now) + 3600 * ADMIN_HOURS)
    return f"{until}.{_signed(key, until)}"


def admin_cookie_holds(key: bytes, cookie: str, now: float | None = None) -> bool:
    """Whether an admin cookie is ours and not expired."""
    until, _, signature = cookie.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 15):
        return False
    fresh = int(until) > (time.time() if now is None else now)
    return hmac.compare_digest(_signed(key, int(until)).encode(), signature.encode()) and fresh


def _signed(key: bytes, until: int) -> str:
    return hmac.new(key, f"admin\x1f{until}".encode(), hashlib.sha256).hexdigest()
