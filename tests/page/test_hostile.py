"""Names and messages are whatever clients write: to the page they are text, everywhere."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pika
import pytest
from playwright.sync_api import Page, expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen

EVIL = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\'"${1}'
LINK = "javascript:window.hit=1"
SHOWN = re.compile(r"onerror|javascript:window")


@pytest.fixture(scope="module", autouse=True)
def clients(broker: EmbeddedBroker) -> Iterator[None]:
    """Everything that a client can name is named so."""
    parameters = pika.URLParameters(broker.amqp_url)
    parameters.client_properties = {"connection_name": EVIL, "product": EVIL, "platform": LINK}
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.exchange_declare(EVIL, "topic", arguments={"x-" + EVIL: LINK})
    channel.queue_declare("dead")
    dies = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    for name in (EVIL, LINK):
        channel.queue_declare(name, arguments={**dies, EVIL: EVIL})
        channel.queue_bind(name, EVIL, EVIL, {EVIL: LINK})
    said = pika.BasicProperties(
        headers={EVIL: EVIL, "link": LINK}, content_type="text/html", message_id=EVIL, reply_to=LINK
    )
    for _ in range(2):
        channel.basic_publish(EVIL, EVIL, EVIL.encode(), said)
        method, _, _ = channel.basic_get(EVIL)
        channel.basic_reject(method.delivery_tag, requeue=False)
        channel.basic_publish("", EVIL, EVIL.encode(), said)
    channel.basic_consume(LINK, lambda *_: None, consumer_tag=EVIL)
    yield
    connection.close()


def ways(tab: Page) -> list[str]:
    """Return the pages on which some of it is to be read."""
    rows = tab.evaluate("fetch('api/connections').then(a => a.json())")
    channels = tab.evaluate("fetch('api/channels').then(a => a.json())")
    [row], [channel] = ([quote(one["name"], safe="") for one in each] for each in (rows, channels))
    evil, link = (quote(one, safe="") for one in (EVIL, LINK))
    return [
        *("/connections", "/exchanges", "/queues", "/messages", "/dead-letters"),
        *(f"/exchanges/%2F/{evil}", f"/queues/%2F/{evil}", f"/queues/%2F/{link}"),
        *(f"/messages/%2F/{evil}", f"/messages/%2F/{link}", "/messages/%2F/dead"),
        *(f"/connections/{row}", f"/channels/{channel}", "/topology"),
    ]


def test_nothing_that_clients_write_is_a_script(screen: Screen, tab: Page) -> None:
    screen.shows("Overview")
    for address in ways(tab):
        screen.open(address)
        expect(tab.locator("main").get_by_text(SHOWN).first).to_be_attached()
        expect(tab.locator("main img, main script, a[href^='javascript:']")).to_have_count(0)
    screen.open("/messages/%2F/dead")
    tab.locator(".m-row[data-position]").first.click()
    screen.says("text/html")
    expect(tab.locator("main img, main script, a[href^='javascript:']")).to_have_count(0)
    assert tab.evaluate("window.hit") is None
