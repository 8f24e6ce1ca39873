"""Logging in at an identity provider: an authorization code with PKCE, checked as providers do."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from playwright.sync_api import Page, expect
from typing_extensions import override

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen

CLIENT = "the-page"
MANAGER = "tag:management read:*/* configure:*/*"


@dataclass
class Provider:
    """Who knows the users, and asks them whether they want to log in."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))
    scope: str = MANAGER
    asked: dict[str, dict[str, str]] = field(default_factory=dict)  # by the code
    tokens: list[str] = field(default_factory=list)
    address: str = ""

    def question(self, query: dict[str, str]) -> str:
        """Return the page that asks."""
        code = secrets.token_urlsafe()
        self.asked[code] = query
        back = query["redirect_uri"]
        yes = f"{back}?{urlencode({'code': code, 'state': query['state']})}"
        words = {
            "error": "access_denied",
            "error_description": "She said no",
            "state": query["state"],
        }
        no = f"{back}?{urlencode(words)}"
        return f"<a href='{yes}'>Yes, I am Ada</a> <a href='{no}'>No</a>".replace("&", "&amp;")

    def token(self, form: dict[str, str]) -> str | None:
        """Return a token for a code, once, to who began with it."""
        query = self.asked.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            query is None
            or form["grant_type"] != "authorization_code"
            or query["client_id"] != form["client_id"]
            or form["client_id"] != CLIENT
            or query["redirect_uri"] != form["redirect_uri"]
            or (query["code_challenge_method"], query["code_challenge"]) != ("S256", challenge)
        ):
            return None
        claims = {"iss": self.address, "aud": "anymq", "sub": "ada", "scope": self.scope}
        lasts = {"exp": int(time.time() + 600)}
        head = {"alg": "ES256", "kid": "one"}
        token = jwt.encode(head, {**claims, **lasts}, self.key, ["ES256"])
        self.tokens.append(token)
        return token


def handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            self._answer(200, "text/html", provider.question(query))

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            token = provider.token(form)
            said = {"error": "invalid_grant"} if token is None else {"access_token": token}
            self._answer(400 if token is None else 200, "application/json", json.dumps(said))

        def _answer(self, status: int, kind: str, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    return Handler


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(provider))
    # By another name than the broker: to a browser these are two sites, as they are in the world.
    provider.address = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def broker(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedBroker]:
    keys = tmp_path_factory.mktemp("keys") / "jwks.json"
    Path(keys).write_text(json.dumps(KeySet([provider.key]).as_dict(private=False)))
    oauth = {
        "keys": str(keys),
        "issuer": provider.address,
        "audience": "anymq",
        "client_id": CLIENT,
        "authorization_url": f"{provider.address}/authorize?prompt=login",
        "token_url": f"{provider.address}/token",
    }
    with EmbeddedBroker(settings={"oauth": oauth}) as broker:
        yield broker


@pytest.fixture
def elsewhere(provider: Provider) -> list[str]:
    """Whom the page may ask besides its broker."""
    return [provider.address]


@pytest.fixture
def visitor(tab: Page, broker: EmbeddedBroker, provider: Provider) -> Iterator[Screen]:
    """Somebody at the provider, on the way to the queues."""
    screen = Screen(tab, broker.management)
    screen.open("/queues")
    screen.press(f"Log in at {urlsplit(provider.address).netloc}")
    yield screen
    provider.scope = MANAGER


def test_logged_in_where_one_wanted_to_go(visitor: Screen, provider: Provider) -> None:
    visitor.tab.get_by_role("link", name="Yes, I am Ada").click()
    visitor.shows("Queues")
    expect(visitor.tab.get_by_role("button", name="User", exact=True)).to_contain_text("ada")
    assert urlsplit(visitor.tab.url).query == ""  # the code is no part of the history
    kept = visitor.tab.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert provider.tokens[-1] not in kept
    assert "verifier" not in kept
    visitor.tab.reload()
    visitor.shows("Queues")


def test_who_says_no_reads_it_and_may_try_again(visitor: Screen, provider: Provider) -> None:
    visitor.tab.get_by_role("link", name="No", exact=True).click()
    visitor.says("You are not logged in. She said no")
    visitor.press(f"Log in at {urlsplit(provider.address).netloc}")
    visitor.tab.get_by_role("link", name="Yes, I am Ada").click()
    visitor.shows("Queues")


def test_who_may_not_use_the_page_reads_it(visitor: Screen, provider: Provider) -> None:
    provider.scope = "read:*/*"
    visitor.tab.get_by_role("link", name="Yes, I am Ada").click()
    visitor.says("You are not logged in. The broker does not take this token")
    expect(visitor.field("Password")).to_be_visible()


def test_a_login_that_somebody_else_began_is_none(
    tab: Page, broker: EmbeddedBroker, provider: Provider
) -> None:
    """A link that would log one in as the attacker, who has a code of his own."""
    given = len(provider.tokens)
    tab.goto(f"{broker.management}/?code=stolen&state=guessed#/queues")
    Screen(tab, broker.management).says("This login was not begun in this tab.")
    assert urlsplit(tab.url).query == ""
    assert len(provider.tokens) == given
