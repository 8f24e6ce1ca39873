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
    Page,
    Request,
    sync_playwright,
)

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
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


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def elsewhere() -> list[str]:
    """Whom the page may ask besides its broker."""
    return []


@pytest.fixture
def tab(context: BrowserContext, broker: EmbeddedBroker, elsewhere: list[str]) -> Iterator[Page]:
    """A tab whose scripts must not fail, and which loads nothing from elsewhere."""
    tab = context.new_page()
    wrong: list[str] = []

    def on_request(request: Request) -> None:
        if not request.url.startswith((broker.management, *elsewhere)):
            wrong.append(f"asks {request.url}")

    def on_console(said: ConsoleMessage) -> None:
        if "Content Security" in said.text:
            wrong.append(said.text)

    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", on_request)
    tab.on("console", on_console)
    yield tab
    assert wrong == []


@pytest.fixture
def screen(tab: Page, broker: EmbeddedBroker) -> Screen:
    """The page, with guest logged in."""
    screen = Screen(tab, broker.management)
    screen.open()
    screen.log_in("guest", "guest")
    return screen
