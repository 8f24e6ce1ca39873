"""Logging in with a browser: the page's own way. Who relies on it: everybody who uses the page."""

from dataclasses import dataclass
from typing import Any

import pytest

from anymq.management.api.guard import Provider
from anymq.management.api.sessions import PER_USER_MAX
from anymq.protocols.session import Peer
from anymq.security.users import Users
from anymq.testing.http import HttpRoom, Said

FORM = "application/x-www-form-urlencoded"
FAR = Peer("192.0.2.7", 50_000, "192.0.2.1", 15672)
QUEUE = "/api/queues/%2F/q"
ADA = {"username": "ada", "password": "secret"}


@dataclass
class Browser:
    """What a browser remembers."""

    room: HttpRoom
    cookie: str = ""
    csrf: str = ""

    def log_in(self, body: object = ADA, **headers: str) -> Said:
        said = self.ask("POST", "/api/login", body, **headers)
        if said.status == 200:
            self.cookie = said.headers["Set-Cookie"].partition(";")[0]
            self.csrf = said.json["csrf_token"]
        return said

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Said:
        cookie = {"Cookie": f"theme=dark; {self.cookie}"} if self.cookie else {}
        return self.room.browser().ask(method, path, body, Authorization="", **cookie, **headers)

    def change(self, method: str, path: str, body: object = None) -> Said:
        return self.ask(method, path, body, X_CSRF_Token=self.csrf)


@pytest.fixture
def room() -> HttpRoom:
    room = HttpRoom()
    room.broker.users.give(["ada"])
    room.amqp.users = Users({"ada": ("secret",)}, stored=room.broker.users)
    return room


@pytest.fixture
def browser(room: HttpRoom) -> Browser:
    browser = Browser(room)
    browser.log_in()
    return browser


def test_a_form_as_rabbitmqs_page_sends_it(room: HttpRoom) -> None:
    said = Browser(room).log_in(b"username=ada&password=secret", Content_Type=FORM)

    assert said.status == 200
    assert said.json["name"] == "ada"
    assert said.json["user"]["tags"] == ["administrator"]


def test_the_cookie_is_for_nobody_but_us(room: HttpRoom) -> None:
    said = Browser(room).log_in()

    value, *attributes = said.headers["Set-Cookie"].split("; ")
    assert len(value) > len("anymq_session=") + 40
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]


def test_over_tls_it_is_never_sent_in_clear(room: HttpRoom) -> None:
    peer = Peer("192.0.2.7", 50_000, "192.0.2.1", 15671, tls=True)

    said = room.browser(peer).ask("POST", "/api/login", ADA, Authorization="")

    assert "; Secure" in said.headers["Set-Cookie"]


def test_who_is_logged_in_looks_and_changes(browser: Browser) -> None:
    assert browser.ask("GET", "/api/whoami").json["name"] == "ada"
    assert browser.change("PUT", QUEUE, {}).status == 201
    assert browser.ask("GET", QUEUE).status == 200


def test_a_reloaded_page_learns_its_token_again(browser: Browser) -> None:
    said = browser.ask("GET", "/api/login")

    assert (said.json["name"], said.json["csrf_token"]) == ("ada", browser.csrf)


def test_tools_have_no_session_and_need_no_token(room: HttpRoom) -> None:
    room = HttpRoom()

    assert room.get("/api/login").json["csrf_token"] is None
    assert room.put(QUEUE, {}).status == 201


@pytest.mark.parametrize(
    "body",
    [
        {"username": "ada", "password": "wrong"},
        {"username": "nobody", "password": "secret"},
        {"username": "ada", "password": ""},
        {"username": "", "password": ""},
    ],
)
def test_wrong_passwords(room: HttpRoom, body: dict[str, str]) -> None:
    said = Browser(room).log_in(body)

    assert (said.status, said.json["error"]) == (401, "not_authorized")
    assert "Set-Cookie" not in said.headers
    assert "WWW-Authenticate" not in said.headers, "the page has a form, no second one pops up"
    assert room.guard.logins_failed == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"not json", "application/json"),
        (b'{"username": 1, "password": 2}', "application/json"),
        (b"[]", "application/json"),
        (b"", "application/json"),
        (b"\xff" * 10, FORM),
        (b"&".join([b"a=1"] * 100), FORM),
    ],
)
def test_what_is_no_login(room: HttpRoom, body: bytes, kind: str) -> None:
    assert Browser(room).log_in(body, Content_Type=kind).status == 400


def test_guest_logs_in_from_this_machine_only() -> None:
    room = HttpRoom()
    guest = {"username": "guest", "password": "guest"}

    assert room.post("/api/login", guest).status == 200
    assert room.browser(FAR).ask("POST", "/api/login", guest).status == 401
    assert room.browser().ask("POST", "/api/login", guest, Host="evil.example").status == 421


def test_who_has_no_tag_has_no_page(room: HttpRoom) -> None:
    room.broker.users.put("bob", password="secret")

    said = Browser(room).log_in({"username": "bob", "password": "secret"})

    assert (said.status, said.json["reason"]) == (401, "Not management user")


# Other pages, in the same browser


@pytest.mark.parametrize("token", ["", "x", "é"])
def test_without_the_token_nothing_changes(browser: Browser, token: str) -> None:
    """Another page can have the browser send the cookie, but knows no token."""
    said = browser.ask("PUT", QUEUE, {}, X_CSRF_Token=token)

    assert said.status == 403
    assert not browser.room.broker.vhost("/").queues


def test_the_token_of_another_session_is_none(browser: Browser) -> None:
    other = Browser(browser.room)
    other.log_in()

    assert browser.ask("PUT", QUEUE, {}, X_CSRF_Token=other.csrf).status == 403


def test_another_page_logs_nobody_in_or_out(browser: Browser) -> None:
    """Else it could have somebody work in an account that is not his."""
    evil = {"Origin": "https://evil.example"}

    assert browser.log_in(ADA, **evil).status == 403
    assert browser.ask("DELETE", "/api/login", **evil).status == 403
    assert browser.ask("DELETE", "/api/login").status == 403
    assert browser.ask("GET", "/api/whoami").status == 200


# The end


def test_logging_out(browser: Browser) -> None:
    said = browser.change("DELETE", "/api/login")

    assert said.status == 204
    assert said.headers["Set-Cookie"].startswith("anymq_session=;")
    assert browser.ask("GET", "/api/whoami").status == 401
    assert len(browser.room.guard.sessions) == 0


def test_an_ended_session_is_told_by_the_page_not_the_browser(browser: Browser) -> None:
    """A challenge would have the browser pop up a form of its own."""
    browser.change("DELETE", "/api/login")

    said = browser.ask("GET", "/api/overview")

    assert said.status == 401
    assert "WWW-Authenticate" not in said.headers


def test_a_script_is_not_challenged(room: HttpRoom) -> None:
    said = room.get("/api/overview", Authorization="", X_Requested_With="anymq")

    assert said.status == 401
    assert "WWW-Authenticate" not in said.headers


def test_who_does_nothing_is_logged_out(browser: Browser) -> None:
    browser.room.clock.seconds += 3_000
    assert browser.ask("GET", "/api/whoami").status == 200
    browser.room.clock.seconds += 3_000
    assert browser.ask("GET", "/api/whoami").status == 200
    browser.room.clock.seconds += 3_601
    assert browser.ask("GET", "/api/whoami").status == 401


def test_nobody_stays_for_ever(browser: Browser) -> None:
    for _ in range(24):
        browser.room.clock.seconds += 1_800
        assert browser.ask("GET", "/api/whoami").status == 200
    browser.room.clock.seconds += 1

    assert browser.ask("GET", "/api/whoami").status == 401


@pytest.mark.parametrize("change", ["password", "delete"])
def test_another_password_ends_the_session(room: HttpRoom, change: str) -> None:
    """Who changes it because it was stolen wants the thief out."""
    users = room.broker.users
    users.put("eve", password="secret", tags=["management"])
    browser = Browser(room)
    browser.log_in({"username": "eve", "password": "secret"})
    assert browser.ask("GET", "/api/whoami").status == 200

    if change == "password":
        users.put("eve", password="another")
    else:
        users.delete("eve")

    assert browser.ask("GET", "/api/whoami").status == 401


def test_a_tag_that_is_taken_is_gone_at_once(room: HttpRoom) -> None:
    room.broker.users.put("eve", password="secret", tags=["administrator"])
    browser = Browser(room)
    browser.log_in({"username": "eve", "password": "secret"})
    assert browser.ask("GET", "/api/users").status == 200

    room.broker.users.set_tags("eve", ["management"])

    assert browser.ask("GET", "/api/users").status == 401


def test_sessions_are_limited(room: HttpRoom) -> None:
    """Who logs in again and again throws out himself, not the others."""
    room.broker.users.put("eve", password="secret", tags=["management"])
    eve = Browser(room)
    eve.log_in({"username": "eve", "password": "secret"})
    first = Browser(room)
    first.log_in()
    for _ in range(PER_USER_MAX):
        Browser(room).log_in()

    assert first.ask("GET", "/api/whoami").status == 401
    assert eve.ask("GET", "/api/whoami").status == 200
    assert len(room.guard.sessions) == PER_USER_MAX + 1


@pytest.mark.parametrize("cookie", ["anymq_session=", "anymq_session", "anymq_session=x", ";=;,"])
def test_cookies_that_are_none(room: HttpRoom, cookie: str) -> None:
    said = room.get("/api/whoami", Authorization="", Cookie=cookie)

    assert said.status == 401


def test_a_password_that_is_said_comes_before_the_cookie(browser: Browser) -> None:
    """A script with a name and password of its own is not who is logged in."""
    headers: dict[str, Any] = {"Cookie": browser.cookie}

    assert browser.room.get("/api/whoami", **headers).status == 401  # guest, who is not there


def test_other_ways_to_log_in(room: HttpRoom) -> None:
    """Asked before anybody is logged in."""
    assert room.get("/api/auth", Authorization="").json == {"oauth_enabled": False}
    room.guard.provider = lambda: Provider("page", "https://id/auth", "https://id/token", "openid")

    said = room.get("/api/auth", Authorization="").json

    assert said == {
        "oauth_enabled": True,
        "client_id": "page",
        "authorization_url": "https://id/auth",
        "token_url": "https://id/token",
        "scope": "openid",
    }
