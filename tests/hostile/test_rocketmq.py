"""RocketMQ clients who lie about lengths, send without end, take nothing, or ask for very much."""

from collections.abc import Iterator
from struct import pack

import pytest

from anymq.protocols.rocketmq.codec import encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.testing.rocketmq import pull_fields, send_fields
from tests.hostile.guests import Crowd
from tests.hostile.rocketmq import RocketMqClient, unharmed
from tests.hostile.room import KIB, MIB, Broker, running, wait_until
from tests.peers.process import free_ports

pytestmark = pytest.mark.xdist_group("hostile-rocketmq")

LIMIT = 64 * MIB
NOISE = 32 * MIB  # read buffers, arenas that Python does not give back, what the neighbour takes
LARGE = 4 * MIB  # the biggest message
PROMISE = pack(">ii", LARGE, 100)
SUSPEND = 2 | 4


class Crowded(Crowd[RocketMqClient]):
    """The broker and those who come."""

    def __init__(self, broker: Broker, port: int) -> None:
        super().__init__(broker)
        self.port = port

    def come(self, *, small: bool = False) -> RocketMqClient:
        """Somebody."""
        return self.take(RocketMqClient(self.port, small=small))


@pytest.fixture(scope="module")
def crowded() -> Iterator[Crowded]:
    """A broker of little memory and patience."""
    [port] = free_ports(1)
    settings = {
        "rocketmq.port": port,
        "limits.memory_bytes_max": LIMIT,
        "limits.unsent_bytes_max": 8 * MIB,
        "limits.unwritten_bytes_max": 8 * MIB,
        "limits.frame_timeout_ms": 3000,
        "storage.segment_bytes": 32 * MIB,
    }
    with running(settings) as broker:
        with unharmed(broker, port):  # so that what it takes is taken
            pass
        yield Crowded(broker, port)


@pytest.fixture
def room(crowded: Crowded) -> Iterator[Crowded]:
    yield crowded
    crowded.all_go()


def sends(body: bytes, topic: str = "hostile") -> bytes:
    return encode(RequestCode.SEND_MESSAGE_V2, 1, 0, send_fields(topic, 0, {}), body)


def test_a_promise_costs_nothing(room: Crowded) -> None:
    """Three hundred messages of four megabytes, which would be more than a gigabyte."""
    before = room.broker.rss
    with unharmed(room.broker, room.port):
        for _ in range(300):
            room.come().send(PROMISE + bytes(KIB))
        wait_until(lambda: room.connections > 300)
    assert room.broker.rss - before < 300 * 20 * KIB + NOISE


@pytest.mark.parametrize(
    "data",
    [
        pack(">ii", -1, 0),
        pack(">ii", 0x7FFFFFFF, 0),
        pack(">ii", 1000, 0xFFFFFF),
        pack(">ii", 5 * MIB, 300 * KIB),
        pack(">ii", 1000, 7 << 24),
        pack(">ii", 100_004, 100_000) + b"[" * 100_000,
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
    ],
    ids=["negative", "huge", "header", "long header", "kind", "deep", "http", "tls"],
)
def test_what_is_not_the_protocol_ends_it(room: Crowded, data: bytes) -> None:
    client = room.come()
    client.send(data)
    client.ends()


def test_who_never_ends_a_request_is_hung_up_on(room: Crowded) -> None:
    client = room.come()
    client.send(PROMISE)
    with unharmed(room.broker, room.port):
        client.ends()


def test_all_together_stay_below_the_limit(room: Crowded) -> None:
    """They begin messages that are together far above it. They wait; nobody gets an error."""
    before = room.broker.rss
    whole = sends(bytes(LARGE))
    with unharmed(room.broker, room.port):
        for _ in range(20):
            room.come().send_some(whole[:-1])
        assert room.broker.rss - before < (LIMIT + LARGE) * 1.2 + NOISE


def test_a_producer_that_never_stops(room: Crowded) -> None:
    """And reads no answer: it is read no further."""
    before, client = room.broker.rss, room.come(small=True)
    highest = 0
    with unharmed(room.broker, room.port):
        for _ in range(8):
            client.send_some(sends(bytes(100 * KIB)) * 100)
            highest = max(highest, room.broker.rss)
    assert highest - before < LIMIT + NOISE


def test_small_requests_whose_answers_nobody_reads(room: Crowded) -> None:
    before, client = room.broker.rss, room.come(small=True)
    asks = encode(RequestCode.GET_ROUTEINFO_BY_TOPIC, 1, 0, {"topic": "neighbour"}) * 100_000
    with unharmed(room.broker, room.port):
        sent = client.send_some(asks)
    assert sent < len(asks)
    assert room.broker.rss - before < 16 * MIB + NOISE


def fill(room: Crowded, topic: str, megabytes: int) -> None:
    client = room.come()
    for _ in range(megabytes):
        assert client.put(topic, bytes(MIB)).code == ResponseCode.SUCCESS


def test_consumers_that_never_read(room: Crowded) -> None:
    """Each asks for everything, many times, and takes nothing."""
    fill(room, "much", 20)
    before = room.broker.rss
    pulls = b"".join(
        encode(RequestCode.PULL_MESSAGE, number, 0, pull_fields("much", number % 20, 0, "G"))
        for number in range(200)
    )
    with unharmed(room.broker, room.port):
        for _ in range(20):
            room.come(small=True).send_some(pulls)
    assert room.broker.rss - before < LIMIT * 1.2 + NOISE


def test_one_message_for_very_many_who_wait(room: Crowded) -> None:
    """Ten thousand pulls wait for it on ten connections, none of which takes anything."""
    client = room.come()
    client.put("awaited", b"first")
    fields = pull_fields("awaited", 1, 0, "G", sysFlag=SUSPEND, suspendTimeoutMillis=20_000)
    pulls = b"".join(encode(RequestCode.PULL_MESSAGE, number, 0, fields) for number in range(1000))
    waiting = [room.come(small=True) for _ in range(10)]
    for one in waiting:
        one.send(pulls)
        # It has been heard, and with it all before it.
        one.ask(RequestCode.GET_MAX_OFFSET, {"topic": "awaited", "queueId": 0})
    before = room.broker.rss
    with unharmed(room.broker, room.port):
        assert client.put("awaited", bytes(MIB)).code == ResponseCode.SUCCESS
    assert room.broker.rss - before < LIMIT * 1.2 + NOISE


def test_filters_that_are_hard(room: Crowded) -> None:
    """On many small messages, of which none passes: others have their turns."""
    client = room.come()
    for _ in range(20):
        client.send(sends(b"x", "small") * 500)
        for _ in range(500):
            client.hear()
    hard = "a IS NULL AND (" + " OR ".join(f"b{n} = 'c'" for n in range(200)) + ")"
    fields = pull_fields("small", 0, 0, "G", subscription=hard, expressionType="SQL92")
    with unharmed(room.broker, room.port):
        answer = client.ask(RequestCode.PULL_MESSAGE, fields)
    assert answer.code in (
        ResponseCode.PULL_RETRY_IMMEDIATELY,
        ResponseCode.PULL_NOT_FOUND,
        ResponseCode.SUBSCRIPTION_PARSE_FAILED,
    )


def test_a_crowd_that_vanishes(room: Crowded) -> None:
    """In the middle of everything."""
    with unharmed(room.broker, room.port):
        for _ in range(200):
            client = room.come()
            fields = pull_fields("neighbour", 10**9, 0, "G", sysFlag=SUSPEND)
            client.send(encode(RequestCode.PULL_MESSAGE, 1, 0, fields))
            client.send(sends(b"x") + PROMISE)
            client.abort()
