"""What pages share: templates, cookies' names, the address prefix."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from user_study.security import ADMIN_COOKIE, RATER_COOKIE, VISIT_COOKIE
from user_study.store import Store

log = logging.getLogger("uvicorn.error")
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip


def rater_cookie(store: Store) -> str:
    """Cookies carry the study's id: two studies on one host do not mix (cookies ignore ports)."""
    return f"{RATER_COOKIE}_{store.study.info.id[:8]}"


def visit_cookie(store: Store) -> str:
    """The cookie before consent; it only ties a form to its visitor."""
    return f"{VISIT_COOKIE}_{store.study.info.id[:8]}"


def admin_cookie_name(store: Store) -> str:
    """The experimenter's cookie."""
    return f"{ADMIN_COOKIE}_{store.study.info.id[:8]}"


def base(request: Request) -> str:
    """The prefix under which a proxy shows the study."""
    return str(request.scope.get("root_path") or "")


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    store: Store = request.app.state.store
    text = _templates.get_template(template).render(
        base=base(request), study=store.study.design, **values
    )  # every value is escaped by the templates
    return HTMLResponse(text, status)


def paragraphs(text: str) -> list[tuple[str, list[str]]]:
    """Plain text as ("p", [text]) and ("ul", items): paragraphs are parted by empty lines, lists begin with "- "."""
    found: list[tuple[str, list[str]]] = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in part.splitlines() if line.strip()]
        words: list[str] = []
        for line in lines:
            if line.startswith("- "):
                if words:
                    found.append(("p", [" ".join(words)]))
                    words = []
                if not found or found[-1][0] != "ul":
                    found.append(("ul", []))
                found[-1][1].append(line[2:])
            else:
                words.append(line)
        if words:
            found.append(("p", [" ".join(words)]))
    return found
