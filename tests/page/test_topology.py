"""The graph shows how messages flow, and stays readable when there is much."""

import pika
from playwright.sync_api import expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen

HUNDREDS = 120


def test_the_graph_and_what_is_around_a_box(screen: Screen, broker: EmbeddedBroker) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        channel.exchange_declare("shop", "topic")
        channel.exchange_declare("dlx", "fanout")
        channel.queue_declare("paid", arguments={"x-dead-letter-exchange": "dlx"})
        channel.queue_declare("dead")
        channel.queue_bind("paid", "shop", "order.#")
        channel.queue_bind("dead", "dlx")
    screen.go_to("Topology")
    boxes = screen.tab.locator(".box[data-node]")
    expect(boxes).to_have_count(4)
    expect(screen.tab.locator(".line.deadLetter")).to_have_count(1)
    left = [
        boxes.and_(screen.tab.locator(f"[data-node='{node}']")) for node in ("e:shop", "q:paid")
    ]
    [shop, paid] = [box.bounding_box() for box in left]
    assert shop is not None
    assert paid is not None
    assert shop["x"] + shop["width"] < paid["x"]

    screen.tab.locator("[data-node='q:paid']").click()
    panel = screen.tab.locator(".panel")
    expect(panel).to_contain_text("order.#")
    expect(panel).to_contain_text("dead letters")
    panel.get_by_role("link", name="Open").click()
    screen.shows("paid")


def test_of_many_queues_some_are_drawn_and_any_is_found(
    screen: Screen, broker: EmbeddedBroker
) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        channel.exchange_declare("all", "fanout")
        for number in range(HUNDREDS):
            channel.queue_declare(f"of-many-{number}")
            channel.queue_bind(f"of-many-{number}", "all")
    screen.go_to("Topology")
    expect(screen.tab.locator(".box.more")).to_have_count(1)
    expect(screen.tab.locator("[data-node^='q:of-many']")).to_have_count(12)
    last = f"of-many-{HUNDREDS - 1}"
    screen.field("Find an exchange, queue or topic").fill(last)
    screen.tab.locator(".finder .menu button", has_text=last).click()
    expect(screen.tab.locator(f"[data-node='q:{last}']")).to_be_visible()
    expect(screen.tab.locator(".panel")).to_contain_text(last)
    screen.tab.reload()  # the link says it all
    expect(screen.tab.locator(".panel")).to_contain_text(last)
