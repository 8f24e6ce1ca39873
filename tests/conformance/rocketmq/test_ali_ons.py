"""ali-ons, from npm: Node's client of the remoting protocol."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from anymq.testing import EmbeddedBroker
from tests.peers import npm

HERE = Path(__file__).parent / "ali_ons"
TOPIC = "ali-ons"

pytestmark = pytest.mark.xdist_group("ali-ons")


@pytest.fixture(scope="module")
def said() -> Iterator[dict[str, Any]]:
    """What it did and saw, with a broker that tries again soon."""
    try:
        node_modules = npm.installed("ali-ons", HERE)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))
    rocketmq = {"port": 0, "nameserver_port": 0, "delay_levels": ["1s", *["100ms"] * 17]}
    with EmbeddedBroker(settings={"rocketmq": rocketmq}) as broker:
        admin = AdminClient({"bootstrap.servers": broker.kafka})
        admin.create_topics([NewTopic(TOPIC, 4, 1)])[TOPIC].result(60)
        name_server = f"127.0.0.1:{broker.ports['rocketmq_nameserver']}"
        yield json.loads(npm.talk(node_modules, HERE / "talk.js", name_server, TOPIC, "G"))


def test_texts_with_keys_tags_and_properties(said: dict[str, Any]) -> None:
    assert [one[:3] for one in said["sent"]] == [["SEND_OK", TOPIC, True]] * 5


@pytest.mark.parametrize(
    ("consumer", "numbers"), [("byTag", (1, 3)), ("byAll", (1, 3)), ("bySql", (2, 3))]
)
def test_a_consumer_gets_what_it_asked_for(
    said: dict[str, Any], consumer: str, numbers: tuple[int, ...]
) -> None:
    """By tag, in a group and as one of all; and by a condition."""
    tags = ("even", "odd")
    assert said[consumer] == [[f"häé {n}", tags[n % 2], f"k{n}", "blue"] for n in numbers]


def test_messages_of_one_order_stay_in_order(said: dict[str, Any]) -> None:
    queues = {(order, queue) for order, *_, queue in said["orders"]}
    assert len(queues) == 3, "each order has one queue"
    for order in ("order-1", "order-2", "order-3"):
        mine = [int(one.split(":")[1]) for one in said["ordered"] if one.startswith(order)]
        assert mine == list(range(int(order[-1]) - 1, 20, 3))


def test_a_delayed_message_comes_later(said: dict[str, Any]) -> None:
    assert said["later"] == [["later", True]]


def test_what_a_consumer_could_not_deal_with_comes_again(said: dict[str, Any]) -> None:
    assert said["again"] == [["twice", 0], ["twice", 1]]


def test_what_nobody_can_deal_with_is_a_dead_letter(said: dict[str, Any]) -> None:
    """After sixteen retries, as the group's settings say."""
    assert said["tried"] == [["poison", times] for times in range(17)]
    assert [one[:2] for one in said["dead"]] == [["poison", "poison"]]


def test_a_message_comes_at_its_moment(said: dict[str, Any]) -> None:
    """The client knows nothing of timers: it sends the property."""
    assert said["timer"] == [["timer", True]]
