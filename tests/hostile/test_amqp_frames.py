"""Lies of AMQP clients: lengths, depths, numbers. Each ends its own connection, or its channel."""

import os
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.differential.amqp.methods import encode
from tests.hostile.amqp import (
    HEADER,
    METHOD,
    TRANSIENT,
    Client,
    Guests,
    Received,
    ask,
    expect,
    frame,
    hangs_up,
    log_in,
    message,
    promise,
    received,
    said_of_it,
    stranger,
    unharmed,
)
from tests.hostile.room import MIB, SECONDS, Broker, running

pytestmark = pytest.mark.xdist_group("hostile-amqp")

KEY = struct.Struct(">HH").pack
DECLARE = KEY(50, 10) + bytes(2) + b"\x01q\0"  # queue.declare up to its table
CHANNELS_MAX = 100


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    limits = {"limits.queues_max": 50, "limits.exchanges_max": 50, "limits.bindings_max": 50}
    with running({"amqp.channels_max": CHANNELS_MAX, **limits}) as broker:
        yield broker


def enter(broker: Broker, guests: Guests) -> Client:
    client = guests.take(log_in(broker))
    ask(client, "channel.open")
    return client


def method(payload: bytes, channel: int = 1) -> bytes:
    return frame(METHOD, channel, payload)


def table(content: bytes, says: int | None = None) -> bytes:
    return struct.pack(">I", len(content) if says is None else says) + content


def nested(depth: int, kind: bytes) -> bytes:
    """Tables, or arrays, within one another."""
    content = b""
    for _ in range(depth):
        content = b"\1x" + b"F" + table(content) if kind == b"F" else b"A" + table(content)
    return content if kind == b"F" else b"\1x" + content


def publish_with(properties: bytes, size: int = 0) -> bytes:
    payload = struct.pack(">HHQ", 60, 0, size) + properties
    return method(encode("basic.publish", {"routing_key": "q"})) + frame(2, 1, payload)


HEADERS = b"\x20\0"  # the flag of the headers

LIES = {
    "a frame of four gigabytes": (
        struct.pack(">BHI", METHOD, 1, 2**32 - 1),
        501,
        "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,4294967295,131064}",
    ),
    "a frame one byte too large": (struct.pack(">BHI", METHOD, 1, 131_073), 501, "FRAME_ERROR - "),
    "a body of an exabyte": (
        promise(2**60),
        501,
        f"FRAME_ERROR - content body size {2**60} exceeds maximum allowed size 536870912",
    ),
    "more body than promised": (promise(10) + frame(3, 1, bytes(11)), 501, "FRAME_ERROR - "),
    "a table longer than its frame": (method(DECLARE + table(b"", 2**31)), 501, "FRAME_ERROR"),
    "a table of four gigabytes": (method(DECLARE + table(b"", 2**32 - 1)), 501, "FRAME_ERROR"),
    "a text longer than its table": (
        method(DECLARE + table(b"\1xS" + struct.pack(">I", 2**32 - 1))),
        501,
        "FRAME_ERROR",
    ),
    "a name longer than its frame": (method(KEY(50, 10) + bytes(2) + b"\xffq"), 501, "FRAME_ERROR"),
    "a thousand tables": (method(DECLARE + table(nested(1000, b"F"))), 501, "FRAME_ERROR"),
    "a thousand arrays": (method(DECLARE + table(nested(1000, b"A"))), 501, "FRAME_ERROR"),
    "ten thousand arrays": (method(DECLARE + table(nested(10_000, b"A"))), 501, "FRAME_ERROR"),
    "headers of a thousand tables": (publish_with(HEADERS + table(nested(1000, b"F"))), 0, ""),
    "headers longer than their frame": (publish_with(HEADERS + table(b"", 2**31)), 0, ""),
    "all properties, and none there": (publish_with(b"\xff\xfc"), 0, ""),
    "flags without an end": (publish_with(b"\xff\xff" * 50), 0, ""),
    "a method that nobody knows": (method(KEY(60, 999)), 0, ""),
    "a class that nobody knows": (method(KEY(999, 10)), 0, ""),
    "a body for nobody": (frame(3, 1, b"x"), 505, "UNEXPECTED_FRAME - "),
    "a channel that is not open": (method(KEY(60, 70) + bytes(4), 9), 504, "CHANNEL_ERROR - "),
    "a frame without its end": (method(KEY(50, 10))[:-1] + b"\0", 501, "FRAME_ERROR - "),
    "chance": (os.urandom(10_000), 0, ""),
    "another greeting": (HEADER, 0, ""),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_ends_its_connection(broker: Broker, guests: Guests, lie: str) -> None:
    said, code, text = LIES[lie]
    beside, liar = enter(broker, guests), enter(broker, guests)
    ask(beside, "queue.declare", queue="q")
    with unharmed(broker):
        liar.send(said)
        heard, why = said_of_it(liar)
        assert heard == code or not code
        assert why.startswith(text)
        if "{" in why and heard == 501:
            return  # what comes next has no beginning: it is heard no more, and hung up on later
        liar.method(0, "connection.close-ok")
        assert hangs_up(liar)
    ask(beside, "queue.declare", queue="q")


def test_channels_are_counted(broker: Broker, guests: Guests) -> None:
    client = enter(broker, guests)
    for number in range(2, CHANNELS_MAX + 1):
        ask(client, "channel.open", channel=number)
    ask(client, "channel.close", channel=2)
    ask(client, "channel.open", channel=60_000)
    client.method(61_000, "channel.open")
    text = "number of channels opened (100) has reached the negotiated channel_max (100)"
    assert said_of_it(client) == (530, f"NOT_ALLOWED - {text}")


def test_a_message_may_be_as_large_as_the_limit_and_no_larger(
    broker: Broker, guests: Guests
) -> None:
    """Refused when it is whole: its channel is closed, the connection goes on."""
    client = enter(broker, guests)
    ask(client, "queue.declare", queue="large", exclusive=True)
    client.send(message("large", bytes(16 * MIB), TRANSIENT))
    client.send(message("large", bytes(16 * MIB + 1), TRANSIENT))
    text = f"message size {16 * MIB + 1} is larger than configured max size {16 * MIB}"
    assert said_of_it(client, 1) == (406, f"PRECONDITION_FAILED - {text}")
    client.method(1, "channel.close-ok")
    ask(client, "channel.open")
    got = get(client, "large")
    assert len(got.body) == 16 * MIB
    assert expect_empty(client, "large")


def get(client: Client, queue: str) -> Received:
    client.method(1, "basic.get", queue=queue, no_ack=True)
    return expect(client, "basic.get-ok", "basic.get-empty")


def expect_empty(client: Client, queue: str) -> bool:
    return get(client, queue).name == "basic.get-empty"


@pytest.mark.parametrize("cut", [1, 7, 8, 20, 60])
def test_a_message_cut_short_is_none(broker: Broker, guests: Guests, cut: int) -> None:
    """Half a publish and the end of the connection: nothing was said."""
    boss, client = enter(broker, guests), enter(broker, guests)
    ask(boss, "queue.declare", queue="cut", auto_delete=True)
    client.send(message("cut", b"x" * 10) + message("cut", b"y" * 50)[:-cut])
    client.abort()
    ask(boss, "basic.consume", queue="cut", no_ack=True)
    assert received(boss, 1) == [b"x" * 10]


def test_any_greeting(broker: Broker, guests: Guests) -> None:
    """Whoever speaks something else is told what we speak."""
    greetings = [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\xfc\x03", bytes(100)]
    for greeting in [*greetings, b"AMQP\x03\1\0\0", b"AMQP\1\1\0\x0a", os.urandom(1000)]:
        client = guests.take(stranger(broker))
        client.send(greeting)
        assert client.raw(8) == HEADER
        assert client.wait_for_end()


PLACES: dict[str, tuple[str, Callable[[int], dict[str, Any]], str]] = {
    "queues": (
        "queue.declare",
        lambda number: {"queue": f"one-{number}", "exclusive": True},
        "cannot declare queue 'one-{}': queue limit in vhost '/' (50) is reached",
    ),
    "exchanges": (
        "exchange.declare",
        lambda number: {"exchange": f"one-{number}", "type": "fanout"},
        "cannot declare exchange 'one-{}' in vhost '/': exchange limit of 50 is reached",
    ),
    "bindings": (
        "queue.bind",
        lambda number: {"queue": "the one", "exchange": "amq.topic", "routing_key": f"{number}"},
        "cannot bind: binding limit in vhost '/' (50) is reached",
    ),
}


@pytest.mark.parametrize("kind", PLACES)
def test_there_is_an_end_to_them(broker: Broker, guests: Guests, kind: str) -> None:
    """Each takes memory for good, whoever it is that makes them; those that there are work on."""
    name, arguments, text = PLACES[kind]
    client = enter(broker, guests)
    ask(client, "queue.declare", queue="the one", exclusive=True)
    made = 0
    while True:
        client.method(1, name, **arguments(made))
        heard = client.reply(1, {f"{name}-ok"}, SECONDS)
        if heard.name == "channel.close":
            break
        made += 1
    assert 30 < made <= 50
    assert heard.arguments["reply_text"] == "PRECONDITION_FAILED - " + text.format(made)
    client.method(1, "channel.close-ok")
    ask(client, "channel.open")
    ask(client, name, **arguments(0))
    if kind == "exchanges":
        for number in range(made):
            ask(client, "exchange.delete", exchange=f"one-{number}")


def test_consumers_are_counted(broker: Broker, guests: Guests) -> None:
    client = enter(broker, guests)
    ask(client, "queue.declare", queue="busy", exclusive=True)
    for number in range(10_001):
        client.method(
            1, "basic.consume", queue="busy", consumer_tag=f"{number}", no_ack=True, nowait=True
        )
    text = "reached maximum (10000) of consumers per channel"
    assert said_of_it(client) == (530, f"NOT_ALLOWED - {text}")
