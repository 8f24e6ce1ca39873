"""anymq in the tests of your own project: the fixtures come with the package.

pip install anymq pytest confluent-kafka
pytest examples/test_with_anymq.py
"""

from confluent_kafka import Consumer, Producer

from anymq.testing import EmbeddedBroker


def announce(bootstrap: str, order: str) -> None:
    """Stand for your own code."""
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce("orders", order)
    assert producer.flush(10) == 0


def first_order(bootstrap: str) -> str:
    """Read what was announced."""
    options = {"group.id": "test", "auto.offset.reset": "earliest"}
    consumer = Consumer({"bootstrap.servers": bootstrap, **options})
    consumer.subscribe(["orders"])
    message = consumer.poll(10)
    consumer.close()
    assert message is not None
    return (message.value() or b"").decode()


def test_an_order_is_announced(anymq: EmbeddedBroker) -> None:
    """`anymq` is an empty broker for this test alone, in this process, on a free port."""
    announce(anymq.kafka, "order 42")

    assert first_order(anymq.kafka) == "order 42"


def test_orders_are_still_there_after_the_broker_was_away(anymq: EmbeddedBroker) -> None:
    """A restart keeps data and port: what does your code do meanwhile?"""
    announce(anymq.kafka, "order 43")

    anymq.restart()

    assert first_order(anymq.kafka) == "order 43"


def test_without_the_fixture() -> None:
    """Two brokers at once, one of them with settings of its own."""
    with EmbeddedBroker() as one, EmbeddedBroker(settings={"topics": {"partitions": 4}}) as other:
        announce(one.kafka, "for one")
        announce(other.kafka, "for the other")
        assert first_order(one.kafka) == "for one"
        assert first_order(other.kafka) == "for the other"
