"""npm's `rocketmq-client-nodejs`, by gRPC: two conversations with all that it can do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.grpc.conftest import DOORS, configure
from tests.peers import npm

HERE = Path(__file__).parent / "nodejs"


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The pinned client, installed once."""
    try:
        return npm.installed("rocketmq-client-nodejs", HERE)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))


def test_nodejs(endpoints: str, node_modules: Path) -> None:
    """Tags, keys, properties; order; transactions; delay and recall; lent, given back, pushed."""
    printed = npm.talk(node_modules, HERE / "talk.js", endpoints, "node")
    said = json.loads(printed.strip().splitlines()[-1])
    (plain,) = said["plain"]
    assert (plain["body"], plain["tag"], plain["keys"]) == ("häé", "a", ["k1", "k2"])
    assert (plain["id"], plain["color"]) == (said["sent"], "blue")
    assert (plain["attempt"], plain["corrupted"]) == (1, False)
    assert said["offsets"] == [0, 1, 2, 3, 4]
    assert sorted(one["body"] for one in said["tags"]) == ["a", "c"]
    assert [one["body"] for one in said["tx"]] == ["commit"]
    assert said["recalled"] == said["wanted"]
    assert [one["body"] for one in said["delay"]] == ["later"]
    assert [(one["body"], one["attempt"]) for one in said["again"]] == [("again", 2)]
    assert said["pushed"] == sorted(map(str, range(10)))


@pytest.fixture(scope="module")
def groups(node_modules: Path) -> Iterator[dict[str, Any]]:
    """What groups saw at a broker that asks soon what became of a transaction."""
    settings = {"rocketmq": DOORS, "transactions": {"check_after_ms": 10, "check_interval_ms": 200}}
    with EmbeddedBroker(settings=settings) as broker:
        configure(broker, "G-order", consumeMessageOrderly=True)
        configure(broker, "G-lent", consumeMessageOrderly=True)
        configure(broker, "G-dead", retryMaxTimes=1)
        endpoints = f"127.0.0.1:{broker.ports['rocketmq_grpc']}"
        printed = npm.talk(node_modules, HERE / "groups.js", endpoints)
        yield json.loads(printed.strip().splitlines()[-1])


def test_conditions_choose(groups: dict[str, Any]) -> None:
    """SQL92, over what producers say of their messages."""
    assert sorted(body for body, *_ in groups["sql"]) == ["1", "3"]


def test_a_group_in_order_gets_each_message_group_in_order(groups: dict[str, Any]) -> None:
    """Also when it could not deal with the first ones: nothing goes past them."""
    attempts = [1, 2, 3] + 9 * [1]
    bodies = [0, 0, *range(10)]
    assert groups["order"] == [
        [str(n), attempt] for n, attempt in zip(bodies, attempts, strict=True)
    ]
    assert [(body, group) for body, _, group in groups["lent"]] == [
        (str(n), "one") for n in range(5)
    ]


def test_what_nobody_can_deal_with_is_a_dead_letter(groups: dict[str, Any]) -> None:
    """After as many attempts as the group's settings say."""
    assert groups["tried"] == [["poison", 1], ["poison", 2]]
    assert [one[:2] for one in groups["dead"]] == [["poison", "a"]]


def test_a_transaction_that_nobody_ends_is_asked_about(groups: dict[str, Any]) -> None:
    assert groups["checked"] == ["COMMIT", "ROLLBACK"]
    assert [body for body, *_ in groups["orphans"]] == ["COMMIT"]
