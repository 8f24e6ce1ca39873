"""Logging in with a browser, and out."""

from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from anymq.management.api import routes
from anymq.management.api.call import Call
from anymq.management.api.faults import Fault, bad_request, not_authorized
from anymq.management.api.guard import Caller, check_csrf
from anymq.management.api.sessions import set_cookie
from anymq.management.http import JSON, Answer, Later, Response, encode

ROUTES = routes.Routes()
FORM = "application/x-www-form-urlencoded"
FIELDS_MAX = 16


@ROUTES.post("/login", routes.ANYBODY)
def log_in(call: Call) -> Answer:
    """Log in with a `username` and a `password`; the answer sets a cookie, says the CSRF token."""
    name, password = _said(call)
    answer = Later()

    def then(who: Caller | Fault) -> None:
        answer.answer(who.response() if isinstance(who, Fault) else _begin(call, who))

    call.site.guard.check_password(name, password, call.request, then)
    return answer


def _begin(call: Call, caller: Caller) -> Response:
    if not caller.may_use(routes.MANAGEMENT):
        return not_authorized("Not management user").response()
    token, session = call.site.guard.begin_session(caller)
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
        sessions.end(call.request)
    headers = (set_cookie(call.request, ""),)
    return Response(HTTPStatus.NO_CONTENT, b"", "", headers)


def _said(call: Call) -> tuple[str, str]:
    """Return name and password: of a form, as RabbitMQ takes it, or of JSON."""
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        call.need("username", "password")
        return call.text("username"), call.text("password")
    try:
        body = call.request.body.decode()
        fields = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError:
        raise bad_request("not_a_form") from None
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
