"""Topics, partitions and groups."""

from kafka import KafkaConsumer, KafkaProducer
from playwright.sync_api import expect

from anymq.testing import EmbeddedBroker
from tests.page.screen import Screen


def test_a_topic_its_records_and_its_group(screen: Screen, broker: EmbeddedBroker) -> None:
    """From an empty page to a group whose offsets are set anew."""
    screen.go_to("Topics")
    screen.press("Add a topic")
    screen.field("Name").fill("orders")
    screen.field("Partitions").fill("2")
    screen.press("Create")
    screen.shows("orders")

    producer = KafkaProducer(bootstrap_servers=broker.kafka)
    for number in range(10):
        producer.send("orders", b"x", partition=number % 2)
    producer.close()
    expect(screen.figure("Records")).to_have_text("10 ")
    screen.tab.get_by_role("link", name="Partitions").click()
    expect(screen.tab.locator(".t-body .t-row")).to_have_count(2)

    consumer = KafkaConsumer(
        "orders", group_id="billing", bootstrap_servers=broker.kafka, auto_offset_reset="earliest"
    )
    for _ in range(10):
        next(consumer)
    consumer.close()
    screen.go_to("Consumer groups")
    screen.row("billing").click()
    screen.shows("billing")
    expect(screen.figure("Lag")).to_have_text("0 ")

    screen.press("Set offsets")
    screen.press("See what would change")
    expect(screen.tab.get_by_role("dialog").locator(".t-body .t-row")).to_have_count(2)
    expect(screen.figure("Lag")).to_have_text("0 ")
    screen.tab.get_by_role("dialog").get_by_role("button", name="Set offsets").click()
    expect(screen.figure("Lag")).to_have_text("10 ")
