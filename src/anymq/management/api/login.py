"""Logging in with a browser, and out."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from anymq.management.api import routes
from anymq.management.api.call import Call
from anymq.management.api.faults import Fault, bad_request, not_authorized
from anymq.management.api.guard import PROTOCOL, Caller, check_csrf
from anymq.management.api.sessions import set_cookie
from anymq.management.http import JSON, Answer, Later, Response, encode
from anymq.observability.audit import Actor

ROUTES = routes.Routes()
FORM = "application/x-www-form-urlencoded"
FIELDS_MAX = 16


@ROUTES.post("/login", routes.ANYBODY)
def log_in(call: Call) -> Answer:
    """Log in with `username` and `password`, or `access_token`: a cookie, and a CSRF token."""
    name, password = _said(call)
    answer = Later()

    def then(who: Caller | Fault) -> None:
        answer.answer(who.response() if isinstance(who, Fault) else _begin(call, who))

    call.site.guard.check_password(name, password, call.request, then)
    return answer


def _begin(call: Call, caller: Caller) -> Response:
    if not caller.may_use(routes.MANAGEMENT):
        return not_authorized("Not management user").response()
    guard = call.site.guard
    token, session = guard.begin_session(caller)
    guard.note_login(Actor(caller.name, call.request.host, PROTOCOL), "right")
    headers = (set_cookie(call.request, token),)
    body = encode(_shown(call, caller, session.csrf_token))
    return Response(HTTPStatus.OK, body, JSON, headers)


@ROUTES.get("/login", routes.USER)
def who_is_logged_in(call: Call) -> Answer:
    """The user who asks; with the session's CSRF token, if he comes with one."""
    session = call.caller.session
    return call.shown(_shown(call, call.caller, session.csrf_token if session else None))


@ROUTES.delete("/login", routes.ANYBODY)
def log_out(call: Call) -> Answer:
    """Log out: the session ends, the cookie goes."""
    sessions = call.site.guard.sessions
    session = sessions.of(call.request)
    if session is not None:
        check_csrf(session, call.request)
        actor = Actor(session.name, call.request.host, PROTOCOL)
        call.site.guard.audit.note(actor, "logout", "sessions", session.name)
        sessions.end(call.request)
    headers = (set_cookie(call.request, ""),)
    return Response(HTTPStatus.NO_CONTENT, b"", "", headers)


@ROUTES.get("/auth", routes.ANYBODY)
def ways_to_log_in(call: Call) -> Answer:
    """Whether the page can have its users log in elsewhere, and where."""
    provider = call.site.guard.provider()
    told = {} if provider is None else asdict(provider)
    return call.shown({"oauth_enabled": provider is not None, **told})


def _said(call: Call) -> tuple[str, str]:
    """Return name and password: of a form, as RabbitMQ takes it, or of JSON."""
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        if "access_token" in call.body:
            return "", call.text("access_token")
        call.need("username", "password")
        return call.text("username"), call.text("password")
    try:
        body = call.request.body.decode()
        fields = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError:
        raise bad_request("not_a_form") from None
    if "access_token" in fields:
        return "", fields["access_token"]
    return fields.get("username", ""), fields.get("password", "")


def _shown(call: Call, caller: Caller, csrf_token: str | None) -> dict[str, Any]:
    tags = list(caller.tags)
    user = {"name": caller.name, "tags": tags, "is_internal_user": True}
    limits = call.site.guard.sessions.limits()
    return {
        **user,
        "user": user,
        "csrf_token": csrf_token,
        "session_idle_ms": int(limits.idle_s * 1000),
    }
