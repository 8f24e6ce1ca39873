"""Long lists, and a server that goes away."""

import json
from base64 import b64encode
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pika
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen

QUEUES = 500


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        names = [f"queue-{number:04}" for number in range(QUEUES)]
        queues = [{"name": name, "vhost": "/", "durable": True} for name in names]
        request = Request(  # all at once: one by one, each would wait for the disk
            f"{broker.management}/api/definitions",
            json.dumps({"queues": queues}).encode(),
            {"Authorization": f"Basic {b64encode(b'guest:guest').decode()}"},
        )
        urlopen(request).close()
        connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
        channel = connection.channel()
        for _ in range(3):
            channel.basic_publish("", "queue-0377", b"x")
        connection.close()
        yield broker


def test_only_rows_in_view_are_drawn_and_asked_for(screen: Screen) -> None:
    """However many queues there are: a few dozen rows are drawn, a hundred are asked for."""
    asked: list[str] = []
    screen.tab.on("request", lambda one: asked.append(one.url))
    screen.go_to("Queues")
    screen.says("500 rows")
    rows = screen.tab.locator(".t-body .t-row")
    assert rows.count() < 100
    screen.tab.locator(".table-scroll").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(screen.row("queue-0499")).to_be_visible()
    assert rows.count() < 100
    lists = [one for one in asked if "/api/queues" in one]
    assert lists
    assert all("page_size=100" in one for one in lists)


def test_sorted_and_filtered_by_the_server_and_in_the_address(screen: Screen) -> None:
    screen.open("/queues")
    screen.press("Ready")
    expect(screen.tab.locator(".t-body .t-row").first).to_contain_text("queue-0377")
    screen.tab.keyboard.press("/")
    screen.tab.keyboard.type("queue-02")
    screen.says("100 of 500")
    assert "name=queue-02" in screen.tab.url
    screen.tab.reload()
    screen.says("100 of 500")
    screen.field("Filter by name").fill("no such queue")
    screen.says("Nothing matches this filter.")


def test_numbers_come_by_the_stream_and_no_list_is_asked_for(
    screen: Screen, broker: EmbeddedBroker
) -> None:
    """Sixty rows that somebody looks at cost the server less than the list they are of."""
    with screen.tab.expect_response(lambda one: "/api/events/" in one.url) as wish:
        screen.open("/queues?name=queue-001")
        expect(screen.row("queue-0012")).to_be_visible()
    assert wish.value.status == 204
    screen.tab.route("**/api/queues?*", lambda _: None)  # from now on, lists are not answered
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        for _ in range(432):
            channel.basic_publish("", "queue-0012", b"x")
    expect(screen.row("queue-0012")).to_contain_text("432")


def test_without_the_stream_lists_are_asked_for(
    context: BrowserContext, tab: Page, broker: EmbeddedBroker
) -> None:
    """A proxy may hold it back: then promptness is lost, and nothing else."""
    context.route("**/api/events?*", lambda one: one.abort())
    screen = Screen(tab, broker.management)
    screen.open("/queues?name=queue-002")
    screen.log_in("guest", "guest")
    expect(screen.row("queue-0021")).to_be_visible()
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        for _ in range(321):
            channel.basic_publish("", "queue-0021", b"x")
    expect(screen.row("queue-0021")).to_contain_text("321")


def test_the_table_is_used_by_keys(screen: Screen) -> None:
    screen.open("/queues")
    screen.says("500 rows")
    screen.tab.locator(".table-scroll").focus()
    for key in ("End", "Home", "ArrowDown", "ArrowDown", "ArrowUp"):
        screen.tab.keyboard.press(key)
    expect(screen.tab.locator(".t-row.chosen")).to_be_visible()
    screen.tab.keyboard.press("Enter")
    expect(screen.tab.get_by_role("heading", level=1)).to_contain_text("queue-")


def test_of_a_large_virtual_host_the_fullest_queues_are_drawn(
    screen: Screen, broker: EmbeddedBroker
) -> None:
    """All hang on the default exchange alone, and are more than one answer holds."""
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        connection.channel().queue_declare("one-more", durable=True)
    screen.go_to("Topology")
    expect(screen.tab.locator(".box[data-node='e:']")).to_be_visible()
    expect(screen.tab.locator(".box[data-node^='q:']")).to_have_count(12)
    expect(screen.tab.locator(".box[data-node='q:queue-0377']")).to_be_visible()
    expect(screen.tab.locator(".box.more")).to_contain_text(f"+ {QUEUES + 1 - 12} more")


def test_a_lost_connection_is_said_and_comes_back(screen: Screen, broker: EmbeddedBroker) -> None:
    """What was shown stays. Sessions end with the server: whoever comes back logs in again."""
    screen.open("/queues?name=queue-0377")
    expect(screen.row("queue-0377")).to_be_visible()
    screen.tab.context.set_offline(True)
    screen.says("The server cannot be reached.")
    expect(screen.row("queue-0377")).to_be_visible()
    screen.tab.context.set_offline(False)
    expect(screen.tab.get_by_text("The server cannot be reached.")).to_have_count(0)
    broker.restart()
    screen.log_in("guest", "guest")
    expect(screen.row("queue-0377")).to_be_visible()
