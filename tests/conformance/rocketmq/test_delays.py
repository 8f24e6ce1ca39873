"""Delays, retries and dead letters as RocketMQ's C++ client has them; the levels are short here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.client import CppClient, Sent
from tests.conformance.rocketmq.conftest import Connect

LEVELS = ["100ms", "700ms", "150ms"]  # 1, 2; from 3 on: the pauses of retries
SHORT, LONG = 1, 2
LONG_MS = 700


@pytest.fixture(scope="module")
def name_server() -> Iterator[str]:
    """A broker of its own, in whose place the other one is not asked."""
    settings = {"rocketmq": {"port": 0, "nameserver_port": 0, "delay_levels": LEVELS}}
    with EmbeddedBroker(settings=settings) as running:
        yield f"127.0.0.1:{running.ports['rocketmq_nameserver']}"


@pytest.fixture
def client(connect: Connect, tmp_path: Path) -> CppClient:
    client = connect()
    client.produce()
    return client


def test_what_is_delayed_comes_later_and_in_order_of_time(client: CppClient, name: str) -> None:
    client.send(name, b"first")  # so that the topic is there
    client.consume(f"G-{name}", name)
    assert client.message().body == b"first"
    client.send(name, b"late", delay_level=LONG)
    client.send(name, b"soon", delay_level=SHORT)
    soon, late = client.messages(2)
    assert (soon.body, late.body) == (b"soon", b"late")
    assert late.stored - late.born >= LONG_MS
    assert (late.delay, late.reconsumed) == (str(LONG), 0)


def test_a_message_comes_at_its_moment(client: CppClient, name: str) -> None:
    """The client knows nothing of timers: it sends the property."""
    client.send(name, b"timer", properties={"TIMER_DELAY_MS": str(LONG_MS)})
    client.send(name, b"now")
    client.consume(f"G-{name}", name)
    now, timer = client.messages(2)
    assert (now.body, timer.body) == (b"now", b"timer")
    assert timer.stored - timer.born >= LONG_MS


def test_who_cannot_deal_with_it_gets_it_again(client: CppClient, name: str) -> None:
    sent = client.send(name, b"job", tags="a", keys="k")
    assert isinstance(sent, Sent)
    client.consume(f"G-{name}", name, failures=2)
    came = client.messages(3)
    assert [one.reconsumed for one in came] == [0, 1, 2]
    assert {(one.body, one.tags, one.keys) for one in came} == {(b"job", "a", "k")}
    assert {one.topic for one in came} == {name}, "as if it had not been elsewhere"
    assert came[1].origin == came[2].origin is not None


def test_what_nobody_can_deal_with_is_a_dead_letter(
    client: CppClient, connect: Connect, name: str
) -> None:
    """The client tries sixteen times, as the group's settings say."""
    client.send(name, b"poison")
    client.consume(f"G-{name}", name, failures=99)
    assert [one.reconsumed for one in client.messages(17)] == list(range(17))
    undertaker = connect()
    undertaker.consume(f"H-{name}", f"%DLQ%G-{name}")
    dead = undertaker.message()
    assert (dead.body, dead.reconsumed) == (b"poison", 17)
