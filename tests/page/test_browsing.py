"""Messages are seen without being consumed, found, moved, changed and sent back."""

import json
from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from playwright.sync_api import Locator, expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen


@pytest.fixture
def channel(broker: EmbeddedBroker) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


def publish_orders(channel: BlockingChannel, queue: str, count: int) -> None:
    channel.queue_declare(queue, durable=True)
    for number in range(count):
        body = json.dumps({"order": {"id": number, "express": number % 5 == 0}})
        channel.basic_publish("", queue, body.encode())


def waiting(channel: BlockingChannel, queue: str) -> list[bytes]:
    """Take everything out."""
    bodies = []
    while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
        bodies.append(got[2])
    return bodies


def messages(screen: Screen) -> Locator:
    return screen.tab.locator(".m-row[data-position]")


def dialog(screen: Screen) -> Locator:
    return screen.tab.get_by_role("dialog")


def test_looking_consumes_nothing(screen: Screen, channel: BlockingChannel) -> None:
    publish_orders(channel, "seen", 3)
    screen.open("/messages/%2F/seen")
    expect(messages(screen)).to_have_count(3)
    messages(screen).nth(1).click()
    expect(screen.tab.locator(".detail .body-of pre")).to_contain_text('"id": 1')
    screen.press("Bytes")
    screen.says("7b 22 6f 72")
    method, _, _ = channel.basic_get("seen")
    assert method is not None
    assert not method.redelivered
    assert method.message_count == 2


def test_keys_go_up_and_down_and_select(screen: Screen, channel: BlockingChannel) -> None:
    publish_orders(channel, "keys", 4)
    screen.open("/messages/%2F/keys")
    expect(messages(screen)).to_have_count(4)
    screen.tab.get_by_role("listbox").focus()
    for key in ("ArrowDown", "ArrowDown", "Space"):
        screen.tab.keyboard.press(key)
    expect(messages(screen).nth(1)).to_have_attribute("aria-selected", "true")
    screen.says("1 selected")


def test_a_search_by_a_json_field_is_a_link_and_moves_what_it_found(
    screen: Screen, channel: BlockingChannel
) -> None:
    publish_orders(channel, "orders", 50)
    channel.queue_declare("express", durable=True)
    screen.open("/messages/%2F/orders")
    expect(messages(screen)).to_have_count(50)
    search = screen.tab.get_by_role("search")
    search.get_by_label("Filter").select_option("JSON path")
    search.get_by_label("JSON path").fill("order.express")
    search.get_by_label("Value").fill("true")
    screen.press("Search")
    screen.says("10 found: everything was searched")
    expect(messages(screen)).to_have_count(10)

    screen.tab.reload()  # as whoever was sent the link
    screen.says("10 found: everything was searched")
    screen.press("All that match")
    screen.press("Move…")
    dialog(screen).get_by_label("Queue or topic").last.fill("express")
    dialog(screen).get_by_role("button", name="Move", exact=True).click()
    screen.says("10 of 10")
    assert [json.loads(body)["order"]["id"] for body in waiting(channel, "express")] == [
        *range(0, 50, 5)
    ]
    assert len(waiting(channel, "orders")) == 40


def test_a_search_that_finds_nothing_says_so(screen: Screen, channel: BlockingChannel) -> None:
    publish_orders(channel, "plain", 2)
    screen.open("/messages/%2F/plain")
    screen.tab.get_by_role("search").get_by_label("Value").fill("no such text")
    screen.press("Search")
    screen.says("Nothing matches")
    screen.press("Clear")
    expect(messages(screen)).to_have_count(2)


def test_selected_messages_are_deleted_and_no_others(
    screen: Screen, channel: BlockingChannel
) -> None:
    publish_orders(channel, "some", 4)
    screen.open("/messages/%2F/some")
    for number in (0, 2):
        messages(screen).nth(number).get_by_role("checkbox").click()
    screen.says("2 selected")
    toolbar = screen.tab.get_by_role("toolbar")
    toolbar.get_by_role("button", name="Delete").click()
    dialog(screen).get_by_role("button", name="Delete").click()
    screen.says("2 of 2")
    assert [json.loads(body)["order"]["id"] for body in waiting(channel, "some")] == [1, 3]


def test_dead_letters_go_back_to_where_they_died(screen: Screen, channel: BlockingChannel) -> None:
    channel.queue_declare("graves", durable=True)
    to_graves = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "graves"}
    channel.queue_declare("work", durable=True, arguments=to_graves)
    for number in range(3):
        channel.basic_publish("", "work", f"job {number}".encode())
        method, _, _ = channel.basic_get("work")
        assert method is not None
        channel.basic_reject(method.delivery_tag, requeue=False)
    screen.go_to("Dead letters")
    group = screen.tab.locator(".dead-group", has_text="work")
    expect(group).to_contain_text("rejected")
    expect(group.locator(".value")).to_have_text("3")
    group.get_by_role("button", name="Send back").click()
    dialog(screen).get_by_role("button", name="Send back").click()
    screen.says("3 of 3")
    expect(group).to_have_count(0)
    assert waiting(channel, "work") == [b"job 0", b"job 1", b"job 2"]


def test_a_dead_letter_is_mended_and_published_again(
    screen: Screen, channel: BlockingChannel
) -> None:
    channel.queue_declare("broken", durable=True)
    channel.queue_declare("mended", durable=True)
    channel.basic_publish("", "broken", b'{"amount": "12,5"}')
    screen.open("/messages/%2F/broken")
    messages(screen).first.click()
    screen.press("Edit…")
    dialog(screen).get_by_role("button", name="A queue or topic").click()
    dialog(screen).get_by_label("Queue or topic").last.fill("mended")
    dialog(screen).get_by_label("Body").fill('{"amount": 12.5}')
    dialog(screen).get_by_label("Headers (JSON)").fill('{"mended": true}')
    dialog(screen).get_by_label("Take the original out").check()
    dialog(screen).get_by_role("button", name="Publish").click()
    screen.says("1 of 1")
    _, properties, body = channel.basic_get("mended", auto_ack=True)
    assert body == b'{"amount": 12.5}'
    assert properties.headers["mended"] is True
    assert waiting(channel, "broken") == []


def test_delayed_messages_are_sent_at_once_or_never(
    screen: Screen, channel: BlockingChannel
) -> None:
    arguments = {"x-delayed-type": "direct"}
    channel.exchange_declare("later", "x-delayed-message", durable=True, arguments=arguments)
    channel.queue_declare("alarm-clock", durable=True)
    channel.queue_bind("alarm-clock", "later", "k")
    for hours in (1, 2):
        delay = pika.BasicProperties(headers={"x-delay": hours * 3_600_000})
        channel.basic_publish("later", "k", f"in {hours}".encode(), delay)
    screen.go_to("Delayed")
    lines = screen.tab.locator(".waiting")
    expect(lines).to_have_count(2)
    lines.filter(has_text="in 2").get_by_role("button", name="Cancel").click()
    dialog(screen).get_by_role("button", name="Cancel").last.click()
    expect(lines).to_have_count(1)
    lines.get_by_role("button", name="Send now").click()
    screen.says("Nothing waits")
    assert waiting(channel, "alarm-clock") == [b"in 1"]


def test_jobs_are_listed_with_what_came_of_them(screen: Screen, channel: BlockingChannel) -> None:
    publish_orders(channel, "emptied", 5)
    screen.open("/messages/%2F/emptied")
    screen.press("Purge…")
    dialog(screen).get_by_label("How many of the oldest").fill("2")
    dialog(screen).get_by_role("button", name="Purge").click()
    screen.says("2 of 2")
    screen.go_to("Jobs")
    job = screen.tab.locator(".job", has_text="emptied")
    expect(job).to_contain_text("Purge")
    expect(job).to_contain_text("done")
    assert len(waiting(channel, "emptied")) == 3
