"""The management page in a real browser, against a real broker in this process.

Debian's chromium is driven by Playwright. Without it, these tests say that they skip.
"""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    sync_playwright,
)

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
GUEST = {"username": "guest", "password": "guest"}
PATIENCE_MS = 30_000  # of a machine that is busy with something else


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium here (apt install chromium)")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("data")) as broker:
        yield broker


@pytest.fixture(scope="package")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """One for all, with a tab: a new one is a new process, which compiles the page anew."""
    profile = browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900})
    profile.set_default_timeout(PATIENCE_MS)
    profile.new_page()
    yield profile
    profile.close()


@pytest.fixture
def context(profile: BrowserContext, broker: EmbeddedBroker) -> Iterator[BrowserContext]:
    """As new: nobody is logged in, nothing is remembered."""
    yield profile
    profile.set_offline(False)
    profile.unroute_all()
    [tab, *others] = profile.pages
    for other in others:
        other.close()
    tab.unroute_all()
    tab.goto(f"{broker.management}/api/auth")  # of the same origin, and no page that remembers
    tab.evaluate("localStorage.clear(), sessionStorage.clear()")
    profile.clear_cookies()


@pytest.fixture
def elsewhere() -> list[str]:
    """Whom the page may ask besides its broker."""
    return []


@pytest.fixture
def tab(context: BrowserContext, broker: EmbeddedBroker, elsewhere: list[str]) -> Iterator[Page]:
    """A tab whose scripts must not fail, and which loads nothing from elsewhere."""
    [tab] = context.pages
    wrong: list[str] = []

    def on_request(request: Request) -> None:
        if not request.url.startswith((broker.management, *elsewhere)):
            wrong.append(f"asks {request.url}")

    def on_console(said: ConsoleMessage) -> None:
        if "Content Security" in said.text:
            wrong.append(said.text)

    def on_error(error: Error) -> None:
        wrong.append(str(error))

    tab.on("pageerror", on_error)
    tab.on("request", on_request)
    tab.on("console", on_console)
    yield tab
    tab.remove_listener("pageerror", on_error)
    tab.remove_listener("request", on_request)
    tab.remove_listener("console", on_console)
    assert wrong == []


@pytest.fixture
def screen(tab: Page, broker: EmbeddedBroker) -> Screen:
    """The page, with guest logged in: as the form does it, but without waiting for the form."""
    said = tab.request.post(f"{broker.management}/api/login", data=GUEST)
    assert said.ok
    screen = Screen(tab, broker.management)
    screen.open()
    return screen
