"""The pages a rater walks through: consent, check, rating, questionnaire, end. Wherever one enters, one is sent on to
where one stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from user_study.answers import EMOTION_LABELS
from user_study.design import Ask
from user_study.folder import SHAPES
from user_study.security import csrf, csrf_holds, drop_cookie, from_elsewhere, new_token, set_cookie
from user_study.session import Admitted, Arrival, RefusedError
from user_study.store import Me, Store
from user_study.web import base, log, paragraphs, rater_cookie, render, visit_cookie

__all__ = ["device_of", "log", "problem", "router"]

router = APIRouter(include_in_schema=False)
PAGES = {
    "check": "check", "training": "rate", "trials": "rate", "questions": "questions", "done": "done",
    "withdrawn": "left", "blocked": "left", "expired": "left",
}  # fmt: skip
COOKIE_HOURS = 24.0 * 30
MAX_TEXT = 2000
BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/(\d{1,4})"),
    ("Opera", r"OPR/(\d{1,4})"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d{1,4})"),
    ("Chrome", r"(?:Chrome|CriOS)/(\d{1,4})"),
    ("Safari", r"Version/(\d{1,4}).*Safari"),
)
"""In this order: all of them call themselves what comes after them."""
PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
"""What MTurk sends while a worker only looks at the task."""
LEFT = {
    "withdrawn": ("You have left the study", "Your consent is withdrawn."),
    "blocked": (
        "This study does not work on this device",
        "The sound and picture check did not succeed. Please return the study on the platform you came from; "
        "this has no consequences for you.",
    ),
    "expired": (
        "This session is over",
        "Too much time has passed since your last answer. What you had answered stays saved.",
    ),
}


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def arrival_of(request: Request) -> Arrival:
    """Who comes from where, by the address: Prolific's and MTurk's own parameter names."""
    query = {name: value[:200] for name, value in request.query_params.items()}
    if "PROLIFIC_PID" in query:
        return Arrival("prolific", query["PROLIFIC_PID"], query.get("STUDY_ID", ""), query.get("SESSION_ID", ""))
    if "workerId" in query or "assignmentId" in query:
        return Arrival("mturk", query.get("workerId", ""), query.get("hitId", ""), query.get("assignmentId", ""))
    return Arrival()


def _here(request: Request) -> Me | None:
    store = _store(request)
    return store.me(request.cookies.get(rater_cookie(store), ""))


def _to(request: Request, page: str) -> RedirectResponse:
    return RedirectResponse(f"{base(request)}/{page}", 303)


def _admitted(request: Request, admitted: Admitted, page: str) -> Response:
    store = _store(request)
    reply = _to(request, page)
    set_cookie(reply, request, rater_cookie(store), admitted.token, COOKIE_HOURS)
    drop_cookie(reply, request, visit_cookie(store))
    return reply


@router.get("/")
def welcome(request: Request) -> Response:
    """The study's address."""
    store, arrival = _store(request), arrival_of(request)
    if arrival.complete and arrival.session != PREVIEW:
        known = store.reenter(arrival)
        if known is not None:
            return _admitted(request, known, PAGES[store.resume(known.rater)])
    elif me := store.visit(request.cookies.get(rater_cookie(store), "")):
        again = me.stage in ("expired", "withdrawn") and store.study.design.session.expired == "restart"
        if not again:
            return _to(request, PAGES[me.stage])
    visit = request.cookies.get(visit_cookie(store)) or new_token()
    reply = _consent_page(request, arrival, visit)
    set_cookie(reply, request, visit_cookie(store), visit, 6)
    return reply


def _consent_page(request: Request, arrival: Arrival, visit: str, missing: bool = False) -> HTMLResponse:
    store = _store(request)
    design = store.study.design
    return render(
        request, "consent.html", 422 if missing else 200,
        csrf=csrf(store.study.key, visit), arrival=arrival, missing=missing, preview=arrival.session == PREVIEW,
        text=paragraphs(design.consent.text), welcome=paragraphs(design.welcome),
        minutes=_minutes(store),
    )  # fmt: skip


def _minutes(store: Store) -> int:
    """How long a session lasts, about: each clip once and ten seconds to answer."""
    design = store.study.design
    seconds = [s.seconds for s in store.study.stimuli.values()]
    trials = len(design.training) + len(design.gold) + len(design.traps)
    trials += sum(block.trials + block.repeats for block in design.blocks)
    return max(1, round(trials * (sum(seconds) / len(seconds) + 10) / 60) + 2)


@router.post("/consent")
def consent(
    request: Request,
    csrf_token: Annotated[str, Form(max_length=100)] = "",
    agree: Annotated[str, Form(max_length=10)] = "",
    platform: Annotated[str, Form(max_length=20)] = "direct",
    platform_rater: Annotated[str, Form(max_length=200)] = "",
    platform_study: Annotated[str, Form(max_length=200)] = "",
    platform_session: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Consent is given: from here on there is a rater."""
    store = _store(request)
    visit = request.cookies.get(visit_cookie(store), "")
    if from_elsewhere(request) or not csrf_holds(store.study.key, visit, csrf_token):
        return problem(request, 403, "Please allow cookies for this site, go back and open the study's address again.")
    if platform not in ("direct", "prolific", "mturk") or platform_session == PREVIEW:
        return problem(request, 422, "Please open the study from the platform again.")
    arrival = Arrival(platform, platform_rater, platform_study, platform_session)
    if agree != "yes":
        return _consent_page(request, arrival, visit, missing=True)
    try:
        admitted = store.consent(arrival)
    except RefusedError as error:
        return problem(request, error.status, error.message)
    return _admitted(request, admitted, PAGES[store.resume(admitted.rater)])


def _page(request: Request, page: str) -> tuple[Store, Me, str] | Response:
    """The rater, if this is their page; else the way to the right one."""
    store = _store(request)
    me = store.visit(request.cookies.get(rater_cookie(store), ""))
    if me is None:
        return _to(request, "")
    if PAGES[me.stage] != page:
        return _to(request, PAGES[me.stage])
    return store, me, me.stage


def _token(request: Request) -> str:
    store = _store(request)
    return csrf(store.study.key, request.cookies.get(rater_cookie(store), ""))


@router.get("/check")
def check(request: Request) -> Response:
    """Sound and picture."""
    found = _page(request, "check")
    if isinstance(found, Response):
        return found
    store = found[0]
    return render(
        request, "check.html", csrf=_token(request), shapes=SHAPES, needed=store.study.design.session.sound_check
    )


@router.get("/rate")
def rate(request: Request) -> Response:
    """Training and trials: the page's script asks for them one by one."""
    found = _page(request, "rate")
    if isinstance(found, Response):
        return found
    store, me, _ = found
    outbox = csrf(store.study.key, f"outbox {me.rater}")[:16]
    return render(request, "rate.html", csrf=_token(request), outbox=outbox, emotions=list(EMOTION_LABELS))


@router.get("/questions")
def questions(request: Request) -> Response:
    """The questionnaire."""
    found = _page(request, "questions")
    if isinstance(found, Response):
        return found
    return render(request, "questions.html", csrf=_token(request), given={}, wrong={})


@router.post("/questions")
async def save_questions(request: Request) -> Response:
    """Save the questionnaire; the end is shown only after that."""
    form = await request.form(max_fields=200, max_files=0)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(_save_questions, request, fields)


def _save_questions(request: Request, fields: Mapping[str, str]) -> Response:
    store, me = _store(request), _here(request)
    if me is None:
        return _to(request, "")
    if not _from_here(request, fields.get("csrf_token", "")):
        return problem(request, 403, "Please go back, load the page again and send your answers once more.")
    given = {ask.name: fields.get(ask.name, "").strip()[:MAX_TEXT] for ask in store.study.design.questionnaire}
    wrong = {ask.name: why for ask in store.study.design.questionnaire if (why := _wrong(ask, given[ask.name]))}
    if wrong and me.stage == "questions":
        return render(request, "questions.html", 422, csrf=_token(request), given=given, wrong=wrong)
    store.save_questionnaire(me.rater, given)
    return _to(request, "done")


def _wrong(ask: Ask, answer: str) -> str:
    if not answer:
        return "Please answer this one." if ask.required else ""
    if ask.kind == "choice" and answer not in ask.options:
        return "Please choose one of the options."
    if ask.kind == "number" and not re.fullmatch(r"-?\d{1,9}([.,]\d{1,6})?", answer):
        return "Please give a number."
    return ""


def _from_here(request: Request, token: str) -> bool:
    store = _store(request)
    cookie = request.cookies.get(rater_cookie(store), "")
    return not from_elsewhere(request) and csrf_holds(store.study.key, cookie, token)


@router.get("/done")
def done(request: Request) -> Response:
    """Thanks, the completion code and the way back; the same on every visit."""
    found = _page(request, "done")
    if isinstance(found, Response):
        return found
    store, me, _ = found
    code = store.completion_code(me.rater)
    address = store.study.design.recruitment.completion_url.replace("{code}", quote(code, safe=""))
    return render(request, "done.html", csrf=_token(request), code=code, address=address)


@router.get("/withdraw")
def ask_withdraw(request: Request) -> Response:
    """Leaving: asked once more."""
    me = _here(request)
    if me is None or me.stage in ("withdrawn", "blocked"):
        return _to(request, "")
    return render(request, "withdraw.html", csrf=_token(request), back=PAGES[me.stage])


@router.post("/withdraw")
def withdraw(request: Request, csrf_token: Annotated[str, Form(max_length=100)] = "") -> Response:
    """The rater takes the consent back."""
    me = _here(request)
    if me is None:
        return _to(request, "")
    if not _from_here(request, csrf_token):
        return problem(request, 403, "Please go back, load the page again and withdraw once more.")
    _store(request).withdraw(me.rater)
    return _to(request, "left")


@router.get("/left")
def left(request: Request) -> Response:
    """The study ends here for this rater."""
    found = _page(request, "left")
    if isinstance(found, Response):
        return found
    store, _, stage = found
    title, words = LEFT[stage]
    deleted = stage == "withdrawn" and store.study.design.consent.on_withdrawal == "delete"
    return render(request, "left.html", title=title, words=words + (" Your answers are deleted." if deleted else ""))


def problem(request: Request, status: int, message: str) -> Response:
    """A page that says what is wrong."""
    return render(request, "left.html", status, title="This did not work", words=message)


def device_of(width: int, height: int, ratio: float, touch: bool, request: Request) -> dict[str, Any]:
    """What is kept of a device: kind, window, browser family and major version; no more."""
    agent = request.headers.get("user-agent", "")
    small = min(width, height)
    phone = touch and 0 < small < 600
    kind = "phone" if phone else "tablet" if touch and 0 < small < 1100 else "computer"
    return {"kind": kind, "screen": f"{width}x{height}@{ratio:g}", "browser": browser_of(agent)}


def browser_of(agent: str) -> str:
    """Family and major version, like "Firefox 140"."""
    for family, pattern in BROWSERS:
        if found := re.search(pattern, agent):
            return f"{family} {found.group(1)}"
    return "other"
