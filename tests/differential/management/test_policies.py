"""Which policy holds for what, and what it comes to: the same with RabbitMQ and with us."""

import json
import time
from typing import Any
from urllib.parse import quote

import pika
import pytest
from tests.differential.management.test_shapes import Asked, ours, theirs

__all__ = ("ours", "theirs")  # fixtures

VHOST = "policies"
QUEUES = [
    ("q", "classic", {}),
    ("q.limited", "classic", {"x-max-length": 5}),
    ("qq", "quorum", {}),
    ("qq.limited", "quorum", {"x-delivery-limit": 7}),
    ("s", "stream", {}),
    ("Ünï", "classic", {}),
]
EXCHANGES = ("x", "q.x", "y")
Said = dict[str, object]
# Policies, and the operator's: name, pattern, priority, apply-to, definition.
CASES: list[tuple[list[Said], list[Said]]] = [
    ([{"pattern": "", "definition": {"max-length": 3}}], []),
    ([{"pattern": "^q", "definition": {"max-length": 3, "message-ttl": 1000}}], []),
    (
        [
            {"pattern": "^q", "definition": {"max-length": 3}, "priority": 1},
            {"pattern": "limited$", "definition": {"max-length": 4}, "priority": 2.5},
            {"pattern": "", "definition": {"max-length-bytes": 5000}, "priority": -1},
        ],
        [],
    ),
    (
        [
            {"pattern": "", "definition": {"expires": 99_000_000}, "apply-to": "classic_queues"},
            {"pattern": "", "definition": {"delivery-limit": 3}, "apply-to": "quorum_queues"},
            {"pattern": "", "definition": {"max-age": "1h"}, "apply-to": "streams"},
            {"pattern": "", "definition": {"alternate-exchange": "y"}, "apply-to": "exchanges"},
        ],
        [],
    ),
    (
        [{"pattern": "", "definition": {"max-length": 3, "delivery-limit": -1}, "apply-to": "queues"}],  # noqa: E501
        [{"pattern": "", "definition": {"delivery-limit": 6, "max-length-bytes": 10}}],
    ),
    (
        [{"pattern": "", "definition": {"max-length": 9, "overflow": "reject-publish"}}],
        [{"pattern": "^q", "definition": {"max-length": 4, "overflow": "drop-head"}}],
    ),
    (
        [
            {"pattern": "", "definition": {"max-age": "1h", "max-length-bytes": 1}, "priority": 5},
            {"pattern": "", "definition": {"max-length-bytes": 2}},
        ],
        [{"pattern": "[qs]", "definition": {"max-length-bytes": 3}, "apply-to": "streams"}],
    ),
    ([{"pattern": "^[[:alpha:]]+$", "definition": {"max-length-bytes": 8}}], []),
    ([{"pattern": "n.$", "definition": {"max-length-bytes": 8}}], []),
    ([{"pattern": "^(?!q)", "definition": {"max-length-bytes": 8}, "apply-to": "all"}], []),
]  # fmt: skip


@pytest.fixture
def both(ours: Asked, theirs: Asked) -> Any:
    for asked in (ours, theirs):
        assert asked("PUT", f"vhosts/{VHOST}", {})[0] == 201
        for name, kind, arguments in QUEUES:
            said = {"durable": True, "arguments": {"x-queue-type": kind, **arguments}}
            assert asked("PUT", f"queues/{VHOST}/{quote(name)}", said)[0] == 201
        for name in EXCHANGES:
            assert asked("PUT", f"exchanges/{VHOST}/{name}", {"type": "fanout"})[0] == 201
    yield ours, theirs
    for asked in (ours, theirs):
        assert asked("DELETE", f"vhosts/{VHOST}")[0] == 204


def put(asked: Asked, policies: list[Said], operators: list[Said]) -> None:
    for kind, some in (("policies", policies), ("operator-policies", operators)):
        for one in asked("GET", f"{kind}/{VHOST}")[1]:
            assert asked("DELETE", f"{kind}/{VHOST}/{one['name']}")[0] == 204
        for number, said in enumerate(some):
            assert asked("PUT", f"{kind}/{VHOST}/p{number}", said)[0] == 201


def shown(asked: Asked) -> dict[str, Any]:
    """Return what is said of policies beside everything."""
    queues = asked("GET", f"queues/{VHOST}?disable_stats=true")[1]
    exchanges = asked("GET", f"exchanges/{VHOST}")[1]
    said = {
        f"queue {one['name']}": (
            one.get("policy"),
            one.get("operator_policy"),
            one.get("effective_policy_definition") or {},
        )
        for one in queues
    }
    said.update((f"exchange {one['name']}", one.get("policy")) for one in exchanges if one["name"])
    return said


@pytest.mark.xdist_group("differential-management")
def test_the_same_policy_holds(both: tuple[Asked, Asked]) -> None:
    ours, theirs = both
    for policies, operators in CASES:
        for asked in both:
            put(asked, policies, operators)
        we, they = shown(ours), shown(theirs)
        different = {key: (we[key], they[key]) for key in they if we.get(key) != they[key]}
        assert different == {}, json.dumps([policies, operators])


@pytest.mark.xdist_group("differential-management")
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_living_queues_do_what_they_say(both: tuple[Asked, Asked], kind: str) -> None:
    """Set, changed, taken away, while messages lie in the queue."""
    heard = [lived(asked, kind) for asked in both]
    assert heard[0] == heard[1] == [4, 2, 1, 0]


def lived(asked: Asked, kind: str) -> list[int]:
    name = "q" if kind == "classic" else "qq"
    login = pika.PlainCredentials("guest", "guest")
    client = pika.BlockingConnection(
        pika.ConnectionParameters("127.0.0.1", asked.amqp, VHOST, login)
    )
    channel = client.channel()
    channel.confirm_delivery()
    for number in range(4):
        channel.basic_publish("", name, b"%d" % number)
    counts = [settled_at(channel, name, 4)]
    for length in (2, 1, 0):
        said = {"pattern": f"^{name}$", "definition": {"max-length": length}}
        asked("PUT", f"policies/{VHOST}/live", said)
        counts.append(settled_at(channel, name, length))
    client.close()
    return counts


def settled_at(channel: Any, name: str, count: int) -> int:
    """Return how many wait, when that is so many, or does not become so."""
    found = -1
    for _ in range(100):
        found = int(channel.queue_declare(name, passive=True).method.message_count)
        if found == count:
            break
        time.sleep(0.05)
    return found
