"""Who gets in, and stays in."""

from playwright.sync_api import BrowserContext, Page, expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen


def test_log_in_and_out(tab: Page, broker: EmbeddedBroker, context: BrowserContext) -> None:
    """The password stays with the server: the browser holds a cookie that scripts cannot read."""
    screen = Screen(tab, broker.management)
    screen.open()
    screen.log_in("guest", "guest")
    screen.shows("Overview")
    [cookie] = [one for one in context.cookies() if one.get("name") == "anymq_session"]
    assert cookie.get("httpOnly")
    assert cookie.get("sameSite") == "Strict"
    assert "anymq_session" not in screen.tab.evaluate("document.cookie")
    screen.press("User")
    screen.press("Log out")
    expect(screen.field("Password")).to_be_visible()
    screen.tab.reload()
    expect(screen.field("Password")).to_be_visible()


def test_a_wrong_password_is_said_in_words(tab: Page, broker: EmbeddedBroker) -> None:
    screen = Screen(tab, broker.management)
    screen.open("/queues")
    screen.log_in("guest", "wrong")
    screen.says("Name or password is wrong")
    screen.log_in("guest", "guest")
    screen.shows("Queues")  # where he wanted to go


def test_a_reload_keeps_the_session_and_the_place(screen: Screen) -> None:
    screen.go_to("Exchanges")
    screen.shows("Exchanges")
    screen.tab.reload()
    screen.shows("Exchanges")


def test_language_and_theme_are_kept(screen: Screen) -> None:
    screen.press("Language")
    screen.press("中文")
    screen.shows("概览")
    expect(screen.tab.locator("html")).to_have_attribute("lang", "zh-CN")
    screen.press("主题")
    screen.press("深色")
    expect(screen.tab.locator("html")).to_have_attribute("data-theme", "dark")
    screen.tab.reload()
    screen.shows("概览")
    expect(screen.tab.locator("html")).to_have_attribute("data-theme", "dark")


def test_who_may_see_no_totals_sees_the_overview(tab: Page, broker: EmbeddedBroker) -> None:
    """A user with the tag `management` alone: the stream of events tells him no rates."""
    put = tab.context.request.put
    as_guest = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="}
    for path, body in (
        ("users/bob", {"password": "bobs", "tags": "management"}),
        ("permissions/%2F/bob", {"configure": "", "write": "", "read": "^orders$"}),
    ):
        assert put(f"{broker.management}/api/{path}", data=body, headers=as_guest).ok
    screen = Screen(tab, broker.management)
    screen.open()
    screen.log_in("bob", "bobs")
    expect(tab.locator("nav.side").get_by_title("Exchanges")).to_contain_text("7")  # it has told
    screen.says("Messages in queues")
