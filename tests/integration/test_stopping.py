"""A stop with work under way: what was confirmed is there afterwards, and nobody waits in vain."""

import os
import signal
from collections.abc import Iterator

import pytest
from tests.hostile.amqp import Client, Confirms, Guests, ask, connect, drained, expect, fill
from tests.hostile.room import running

WAITING = 100_000
GOODBYE = "broker forced connection closure with reason 'shutdown'"


@pytest.fixture
def guests() -> Iterator[Guests]:
    guests = Guests()
    yield guests
    for client in guests:
        client.abort()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_confirmed_survives_a_stop(guests: Guests, number: signal.Signals) -> None:
    """A hundred thousand wait, some are out, and a publisher does not stop."""
    with running({"storage.durability": "commit"}) as broker:
        publisher, consumer = (guests.take(connect(broker)) for _ in range(2))
        ask(consumer, "queue.declare", queue="waiting", durable=True)
        ask(consumer, "queue.declare", queue="busy", durable=True)
        fill(consumer, "waiting", WAITING, b"x" * 100)
        ask(consumer, "basic.qos", prefetch_count=1000)
        ask(consumer, "basic.consume", queue="waiting")
        for _ in range(500):
            expect(consumer, "basic.deliver")
        consumer.method(1, "basic.ack", delivery_tag=200, multiple=True)
        ask(consumer, "channel.close", reply_code=200)

        confirms = Confirms(publisher)
        confirms.send("busy", [b"0-%d" % each for each in range(200)])
        confirms.hear()
        os.kill(broker.server.pid, number)
        why = publish_to_the_end(confirms, publisher)
        assert broker.server.wait() == 0
        assert why == (
            320,
            "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
        )

        broker.server.start()
        there = drained(broker, "busy")
        assert len(there) == len(set(there))
        assert set(confirms.confirmed) <= set(there)
        assert not confirms.refused
        declared = ask(guests.take(connect(broker)), "queue.declare", queue="waiting", passive=True)
        assert declared.arguments["message_count"] == WAITING - 200


def publish_to_the_end(confirms: Confirms, client: Client) -> tuple[int, str]:
    """Go on until we are told that it is over; hear all confirms before that."""
    rounds = 0
    while True:
        rounds += 1
        confirms.send("busy", [b"%d-%d" % (rounds, each) for each in range(200)])
        while confirms.open:
            heard = client.reply(1, {"basic.ack", "basic.nack"}, 20)
            if heard.name == "connection.close":
                return heard.arguments["reply_code"], heard.arguments["reply_text"]
            confirms.note(heard)
