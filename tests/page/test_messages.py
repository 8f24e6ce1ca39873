"""What one does all day: a queue, a binding, a message in and out."""

import pika
from playwright.sync_api import expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen


def test_a_queue_from_its_making_to_its_end(screen: Screen) -> None:
    """Make it, publish, look, take out; what is lost for good has to be named."""
    screen.go_to("Queues")
    screen.press("Add a queue")
    screen.field("Name").fill("jobs/eu")
    screen.press("x-max-length")
    screen.field("Value").fill("100")
    screen.press("Create")
    screen.shows("jobs/eu")
    screen.says("x-max-length")

    screen.tab.get_by_role("link", name="Publish").click()
    screen.field("Payload").fill('{"id": 7}')
    screen.press("Publish")
    screen.says("Published and routed.")
    expect(screen.figure("Ready")).to_have_text("1 ")

    screen.tab.get_by_role("link", name="Get messages").click()
    screen.field("Then").select_option(label="take them out")
    screen.press("Get")
    screen.says('"id": 7')
    expect(screen.figure("Ready")).to_have_text("0 ")

    screen.press("Delete")
    dialog = screen.tab.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
    dialog.get_by_role("textbox").fill("jobs/eu")
    dialog.get_by_role("button", name="Delete").click()
    screen.shows("Queues")
    expect(screen.row("jobs/eu")).to_have_count(0)


def test_an_exchange_is_bound_and_its_message_arrives(
    screen: Screen, broker: EmbeddedBroker
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.queue_declare("paid")
    screen.go_to("Exchanges")
    screen.press("Add an exchange")
    screen.field("Name").fill("orders")
    screen.field("Type").select_option("topic")
    screen.press("Create")
    screen.shows("orders")
    screen.tab.get_by_role("link", name="Bindings from it").click()
    screen.press("Add a binding")
    screen.field("Queue").fill("paid")
    screen.field("Routing key").fill("order.#")
    screen.press("Bind")
    expect(screen.row("order.#")).to_be_visible()

    screen.tab.get_by_role("link", name="Publish").click()
    screen.field("Routing key").fill("order.paid")
    screen.field("Payload").fill("hello")
    screen.press("Publish")
    screen.says("Published and routed.")
    _, _, body = channel.basic_get("paid", auto_ack=True)
    connection.close()
    assert body == b"hello"


def test_a_message_that_nobody_wants_is_said(screen: Screen) -> None:
    screen.open("/exchanges/%2F/amq.topic?tab=publish")
    screen.field("Routing key").fill("nobody")
    screen.press("Publish")
    screen.says("Nobody wanted it")


def test_what_the_server_refuses_is_said_in_its_words(screen: Screen) -> None:
    screen.open("/queues")
    for kind in ("Classic", "Quorum"):
        screen.press("Add a queue")
        screen.field("Name").fill("twice")
        screen.field("Type").select_option(label=kind)
        screen.press("Create")
        if kind == "Classic":
            screen.shows("twice")
            screen.go_to("Queues")
    expect(screen.tab.get_by_role("alert")).to_contain_text("inequivalent arg")


def test_clients_of_both_protocols_are_in_one_list(screen: Screen, broker: EmbeddedBroker) -> None:
    """Who connects is seen at once, without a reload; and can be hung up on."""
    screen.go_to("Connections")
    screen.says("Nobody is connected")
    parameters = pika.URLParameters(broker.amqp_url)
    parameters.client_properties = {"connection_name": "billing"}
    connection = pika.BlockingConnection(parameters)
    expect(screen.row("billing")).to_contain_text("AMQP 0-9-1")
    screen.row("billing").click()
    screen.shows("billing")
    screen.press("Close the connection")
    screen.tab.get_by_role("dialog").get_by_role("button", name="Close the connection").click()
    screen.says("The connection was closed.")
    screen.says("Nobody is connected")
    assert _is_closed(connection)


def _is_closed(connection: pika.BlockingConnection) -> bool:
    try:
        connection.process_data_events(0)
        connection.channel()
    except pika.exceptions.AMQPError:
        return True
    return False
