"""STOMP clients who lie about lengths, send without end, take nothing, or ask for very much."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.hostile.guests import Crowd
from tests.hostile.room import KIB, MIB, Broker, running, wait_until
from tests.hostile.stomp import StompClient, unharmed
from tests.peers.process import free_ports

pytestmark = pytest.mark.xdist_group("hostile-stomp")

LIMIT = 64 * MIB
QUEUES = 64 * MIB + 8 * MIB  # what all queues together keep in memory
LARGE = 16 * MIB
NOISE = 32 * MIB  # read buffers, arenas that Python does not give back, what the neighbour takes
CONNECT = b"CONNECT\naccept-version:1.2\nhost:/\n\n\0"


class Crowded(Crowd[StompClient]):
    """The broker and those who come."""

    def __init__(self, broker: Broker, port: int, activemq_port: int) -> None:
        super().__init__(broker)
        self.port = port
        self.activemq_port = activemq_port

    def come(self, *, small: bool = False) -> StompClient:
        """Somebody who has said nothing."""
        return self.take(StompClient(self.port, small=small))

    def enter(self, *, small: bool = False) -> StompClient:
        """Somebody who is in."""
        return self.come(small=small).log_in()

    def enter_by_activemq(self) -> StompClient:
        return self.take(StompClient(self.activemq_port)).log_in()


@pytest.fixture(scope="module")
def crowded() -> Iterator[Crowded]:
    """A broker of little memory and patience."""
    stomp, activemq = free_ports(2)
    settings = {
        "stomp.port": stomp,
        "stomp.activemq_port": activemq,
        "stomp.transaction_bytes_max": MIB,
        "limits.memory_bytes_max": LIMIT,
        "limits.unsent_bytes_max": 8 * MIB,
        "limits.unwritten_bytes_max": 8 * MIB,
        "limits.login_timeout_ms": 3000,
        "storage.segment_bytes": 32 * MIB,
    }
    with running(settings) as broker:
        with unharmed(broker, stomp):  # so that what it takes is taken
            pass
        yield Crowded(broker, stomp, activemq)


@pytest.fixture
def room(crowded: Crowded) -> Iterator[Crowded]:
    yield crowded
    crowded.all_go()


def promise(size: object) -> bytes:
    return b"SEND\ndestination:/queue/q\ncontent-length:%s\n\n" % str(size).encode()


# Lengths


def test_a_promise_costs_nothing(room: Crowded) -> None:
    """Three hundred bodies of sixteen megabytes, which would be five gigabytes."""
    before = room.broker.rss
    with unharmed(room.broker, room.port):
        for _ in range(300):
            room.enter().send(promise(LARGE) + bytes(KIB))
        wait_until(lambda: room.connections > 300)
    assert room.broker.rss - before < 300 * 20 * KIB + NOISE


@pytest.mark.parametrize("size", [LARGE + 1, 10**12, 10**40, -1, "", "x", "1e3", "0x10", "\uff11"])
def test_a_length_that_is_none(room: Crowded, size: object) -> None:
    client = room.enter()
    client.send(promise(size))
    assert client.ends().startswith("Malformed frame")


def test_before_the_login_nobody_says_much(room: Crowded) -> None:
    client = room.come()
    client.send(b"CONNECT\nhost:/\n\n" + b"x" * 5000)
    assert client.ends().startswith("Malformed frame")


def test_half_a_body_costs_half_a_body(room: Crowded) -> None:
    before = room.broker.rss
    with unharmed(room.broker, room.port):
        for _ in range(4):
            room.enter().send_some(promise(LARGE) + bytes(10 * MIB))
    assert room.broker.rss - before < 40 * MIB * 1.1 + NOISE
    room.all_go()
    wait_until(lambda: room.broker.rss - before < NOISE)


def test_all_together_stay_below_the_limit(room: Crowded) -> None:
    """Eight begin bodies that are together far above it. They wait; nobody gets an error."""
    before, sent = room.broker.rss, 0
    with unharmed(room.broker, room.port):
        for _ in range(8):
            sent += room.enter().send_some(promise(LARGE) + bytes(LARGE - 1))
        assert room.broker.rss - before < (LIMIT + LARGE) * 1.1 + NOISE
    assert sent < 8 * (LARGE - MIB)


# What has no end


@pytest.mark.parametrize(
    "data",
    [
        b"X" * MIB,
        b"SEND\n" + b"a" * MIB,
        b"SEND\n" + b"a:b\n" * 10_000 + b"\n\0",
        b"SEND\ndestination:/queue/q\n\n" + b"x" * (LARGE + MIB),  # and no NUL
    ],
    ids=["command", "header", "headers", "body"],
)
def test_what_has_no_end_is_cut(room: Crowded, data: bytes) -> None:
    before, client = room.broker.rss, room.enter()
    with unharmed(room.broker, room.port), suppress(ConnectionError):
        client.send_some(data)
        assert client.ends().startswith("Malformed frame")
    assert room.broker.rss - before < LARGE * 2 + NOISE


def test_who_says_nothing_is_hung_up_on(room: Crowded) -> None:
    """Also who says it very slowly."""
    silent, slow = room.come(), room.come()
    for byte in CONNECT[:-1]:
        slow.send(bytes((byte,)))
    with unharmed(room.broker, room.port):
        assert (silent.ends(), slow.ends()) == ("", "")


def test_heart_beats_without_end(room: Crowded) -> None:
    """Empty lines cost neither memory nor anybody's time."""
    before, client = room.broker.rss, room.enter()
    with unharmed(room.broker, room.port):
        for _ in range(64):
            client.send(b"\n" * MIB)
    client.say("BEGIN", transaction="t", receipt="r")
    assert client.hear().command == "RECEIPT"
    assert room.broker.rss - before < NOISE


# Who takes nothing


def test_consumers_that_never_read(room: Crowded) -> None:
    """Each is owed a little; what else there is stays in the queue."""
    writer = room.enter()
    for number in range(64):
        receipt = {"receipt": "last"} if number == 63 else {}
        body = bytes(MIB)
        writer.say("SEND", body, destination="/queue/much", persistent="true", **receipt)
    assert writer.hear().command == "RECEIPT"
    before = room.broker.rss
    with unharmed(room.broker, room.port):
        for _ in range(20):
            room.enter(small=True).say("SUBSCRIBE", id="1", destination="/queue/much")
        wait_until(lambda: room.connections > 20)
    assert room.broker.rss - before < 20 * 2 * MIB + NOISE


def test_receipts_that_nobody_reads(room: Crowded) -> None:
    before, client = room.broker.rss, room.enter(small=True)
    some = b"BEGIN\ntransaction:%s\nreceipt:%s\n\n\0ABORT\ntransaction:%s\n\n\0"
    name = b"t" * 1000
    with unharmed(room.broker, room.port):
        sent = client.send_some((some % (name, name, name)) * 40_000)
    assert sent < 40_000 * 3000
    assert room.broker.rss - before < 16 * MIB + NOISE


def test_a_producer_that_never_stops(room: Crowded) -> None:
    """More than memory holds, as fast as it goes, and nobody consumes."""
    before, client, highest = room.broker.rss, room.enter(), 0
    some = (promise(100 * KIB) + bytes(100 * KIB) + b"\0") * 10
    with unharmed(room.broker, room.port):
        for _ in range(150):
            client.send(some)
            highest = max(highest, room.broker.rss)
        client.say("SEND", destination="/queue/q", receipt="last")
        assert client.hear().command == "RECEIPT"
    assert highest - before < QUEUES + NOISE


# Who asks for much


def test_subscriptions_without_end(room: Crowded) -> None:
    client = room.enter()
    with unharmed(room.broker, room.port):
        frames = "".join(
            f"SUBSCRIBE\nid:{number}\ndestination:/topic/a\n\n\0" for number in range(1001)
        )
        client.send(frames.encode())
        assert "too many subscriptions" in client.ends()


def test_transactions_without_end(room: Crowded) -> None:
    client = room.enter()
    with unharmed(room.broker, room.port):
        client.say("BEGIN", transaction="t")
        some = b"SEND\ndestination:/queue/q\ntransaction:t\n\n" + b"x" * 100 * KIB + b"\0"
        with suppress(ConnectionError):
            client.send(some * 20)
        assert client.ends().startswith("Transaction too large")


HARD: list[tuple[str, Callable[[StompClient], None]]] = [
    ("deep", lambda client: ask(client, "(" * 4000 + "a = 1" + ")" * 4000)),
    ("inverted", lambda client: ask(client, "NOT " * 2000 + "a = 1")),
    ("long", lambda client: ask(client, "a = 1 OR " * 4000 + "a = 1")),
    ("quotes", lambda client: ask(client, "a = '" + "'" * 8000)),
]


def ask(client: StompClient, selector: str) -> None:
    client.say("SUBSCRIBE", id="1", destination="/queue/q", selector=selector)


@pytest.mark.parametrize(("name", "attack"), HARD, ids=[name for name, _ in HARD])
def test_selectors_that_are_too_much(
    room: Crowded, name: str, attack: Callable[[StompClient], None]
) -> None:
    client = room.enter()
    with unharmed(room.broker, room.port):
        attack(client)
        assert "selector" in client.ends()


def test_selectors_that_are_hard_to_match(room: Crowded) -> None:
    """What makes others try again at each letter; on many messages, and many consumers."""
    writer, text = room.enter(), "a" * 50_000
    for _ in range(20):
        writer.say("SEND", destination="/queue/hard", text=text)
    client = room.enter()
    with unharmed(room.broker, room.port):
        for number in range(20):
            pattern = "%" + "a_" * 200 + "b%" + "%a" * 500
            client.say(
                "SUBSCRIBE",
                id=str(number),
                destination="/queue/hard",
                selector=f"text LIKE '{pattern}'",
            )
        client.say("SUBSCRIBE", id="all", destination="/queue/hard")
        assert client.hear().command == "MESSAGE"


def test_lists_of_destinations_without_end(room: Crowded) -> None:
    client = room.enter_by_activemq()
    with unharmed(room.broker, room.port):
        client.say("SEND", destination=",".join(f"/queue/l{n}" for n in range(5000)))
        heard = client.hear()
        assert (heard.command, heard.body) == ("ERROR", b"at most 100 in one frame")
        client.say("SUBSCRIBE", id="1", destination=",".join(["/queue/none.>"] * 100))
        client.say("SUBSCRIBE", id="2", destination="/topic/" + "*." * 10_000 + ">")
        client.say("BEGIN", transaction="t", receipt="r")
        assert client.hear().command in ("RECEIPT", "ERROR", "MESSAGE")


def test_a_crowd_that_vanishes(room: Crowded) -> None:
    """In the middle of everything; what they held is there for others."""
    writer = room.enter()
    for number in range(10):
        writer.say("SEND", b"%d" % number, destination="/queue/held", receipt="r")
        assert writer.hear().command == "RECEIPT"
    with unharmed(room.broker, room.port):
        for _ in range(200):
            client = room.enter()
            client.say("SUBSCRIBE", id="1", destination="/queue/held", ack="client")
            client.send(promise(MIB) + bytes(KIB))
            client.abort()
    reader = room.enter()
    reader.say("SUBSCRIBE", id="1", destination="/queue/held", ack="client")
    bodies = [reader.hear().body for _ in range(10)]
    assert bodies == [b"%d" % number for number in range(10)]
