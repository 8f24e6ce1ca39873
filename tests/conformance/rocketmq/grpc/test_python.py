"""PyPI's `rocketmq-python-client`, by gRPC: what producers and consumers rely on."""

import time
from pathlib import Path

import pytest

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.grpc.client import ClientFailed, PythonClient
from tests.conformance.rocketmq.grpc.conftest import DOORS, Connect, configure

BODIES = {"text": b"caf\xc3\xa9", "binary": bytes(range(256)) * 4, "big": b"x" * 2**20}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_message_comes_as_it_went(python: PythonClient, name: str, body: bytes) -> None:
    sent = python.send(name, body, tag="a", keys="k1", properties={"color": "blue"})
    python.ask("borrow", group=f"G-{name}", topic=name)
    (message,) = python.receive_all(1)
    assert (message["topic"], message["body"], message["id"]) == (name, body, sent["id"])
    assert (message["tag"], message["keys"]) == ("a", ["k1"])
    assert message["properties"] == {"color": "blue"}
    assert (message["attempt"], message["corrupted"]) == (1, False)


def test_messages_of_a_group_stay_in_order(python: PythonClient, name: str) -> None:
    """They are in one queue, at offsets that grow."""
    sent = [python.send(name, b"%d" % n, group="g1")["offset"] for n in range(10)]
    assert sent == list(range(10))


def test_a_message_is_sent_while_its_sender_goes_on(python: PythonClient, name: str) -> None:
    sent = python.ask("send_async", topic=name, body=b"later told")
    python.ask("borrow", group=f"G-{name}", topic=name)
    (message,) = python.receive_all(1)
    assert (message["id"], message["body"]) == (sent["id"], b"later told")


def test_tags_choose(python: PythonClient, name: str) -> None:
    for tag in ("a", "b", "c", "b"):
        python.send(name, tag.encode(), tag=tag)
    python.ask("borrow", group=f"G-{name}", topic=name, expression="b || c")
    came = python.receive_all(3)
    assert sorted(one["body"] for one in came) == [b"b", b"b", b"c"]


def test_conditions_choose(python: PythonClient, name: str) -> None:
    """SQL92, over what producers say of their messages."""
    for number in range(4):
        python.send(name, b"%d" % number, properties={"n": str(number), "color": "blue"})
    python.send(name, b"red", properties={"n": "2", "color": "red"})
    where = "n BETWEEN 1 AND 2 AND color = 'blue'"
    python.ask("borrow", group=f"G-{name}", topic=name, expression=where, kind="SQL")
    assert sorted(one["body"] for one in python.receive_all(2)) == [b"1", b"2"]


def test_a_message_that_is_given_back_comes_again(python: PythonClient, name: str) -> None:
    python.send(name, b"again")
    python.ask("borrow", group=f"G-{name}", topic=name)
    (first,) = python.receive()
    python.ask("change", id=first["id"], invisible=1)
    (second,) = python.receive_all(1)
    assert (second["id"], second["attempt"]) == (first["id"], 2)


def test_a_push_consumer_gets_all(connect_grpc: Connect, python: PythonClient, name: str) -> None:
    consumer = connect_grpc()
    consumer.ask("push", group=f"G-{name}", topic=name)
    for number in range(20):
        python.send(name, b"%d" % number)
    came = consumer.messages(20)
    assert sorted(int(one["body"]) for one in came) == list(range(20))


def test_a_group_in_order_gets_each_message_group_in_order(
    connect_grpc: Connect, python: PythonClient, grpc_broker: EmbeddedBroker, name: str
) -> None:
    """Also when it could not deal with the first ones: nothing goes past them."""
    configure(grpc_broker, f"G-{name}", consumeMessageOrderly=True)
    for number in range(10):
        python.send(name, b"%d" % number, group="one")
    consumer = connect_grpc()
    consumer.ask("push", group=f"G-{name}", topic=name, failures=2)
    came = [int(one["body"]) for one in consumer.messages(12)]
    assert came == [0, 0, *range(10)]


def test_a_group_in_order_does_again_what_is_behind_a_failure(
    python: PythonClient, grpc_broker: EmbeddedBroker, name: str
) -> None:
    """Though it was acknowledged: what comes later may build on what failed."""
    configure(grpc_broker, f"G-{name}", consumeMessageOrderly=True)
    for number in range(5):
        python.send(name, b"%d" % number, group="one")
    python.ask("borrow", group=f"G-{name}", topic=name)
    first, *others = python.receive(3)
    for one in others:
        python.ask("ack", id=one["id"])
    python.ask("change", id=first["id"], invisible=1)
    assert [one["body"] for one in python.receive_all(5)] == [b"0", b"1", b"2", b"3", b"4"]


def test_what_a_push_consumer_cannot_deal_with_comes_again(
    connect_grpc: Connect, python: PythonClient, grpc_broker: EmbeddedBroker, name: str
) -> None:
    configure(grpc_broker, f"G-{name}")
    sent = python.send(name, b"job", tag="a", keys="k")
    consumer = connect_grpc()
    consumer.ask("push", group=f"G-{name}", topic=name, failures=2)
    came = consumer.messages(3)
    assert [one["attempt"] for one in came] == [1, 2, 3]
    assert {(one["id"], one["topic"], one["tag"]) for one in came} == {(sent["id"], name, "a")}


def test_what_nobody_can_deal_with_is_a_dead_letter(
    connect_grpc: Connect, python: PythonClient, grpc_broker: EmbeddedBroker, name: str
) -> None:
    """After as many attempts as the group's settings say."""
    configure(grpc_broker, f"G-{name}", retryMaxTimes=1)
    python.send(name, b"poison", tag="a")
    consumer = connect_grpc()
    consumer.ask("push", group=f"G-{name}", topic=name, failures=99)
    assert [one["attempt"] for one in consumer.messages(2)] == [1, 2]
    python.ask("borrow", group=f"H-{name}", topic=f"%DLQ%G-{name}")
    (dead,) = python.receive_all(1)
    assert (dead["body"], dead["tag"]) == (b"poison", "a")


def test_a_body_that_is_too_big_is_refused(python: PythonClient, name: str) -> None:
    with pytest.raises(ClientFailed, match="exceed"):
        python.send(name, b"x" * (4 * 2**20 + 1))


@pytest.mark.parametrize("then", ["commit", "rollback"])
def test_a_transaction_is_seen_when_it_is_committed(
    connect_grpc: Connect, name: str, then: str
) -> None:
    client = connect_grpc()
    client.produce(name, checker="rollback")
    client.ask("transact", then=then, topic=name, body=b"half")
    client.send(name, b"after")
    client.ask("borrow", group=f"G-{name}", topic=name)
    wanted = {b"half", b"after"} if then == "commit" else {b"after"}
    assert {one["body"] for one in client.receive_all(len(wanted))} == wanted


def test_a_transaction_that_nobody_ends_is_asked_about(tmp_path: Path, name: str) -> None:
    """The one that began it may be gone: any producer of the topic knows, or asks its database."""
    settings = {"rocketmq": DOORS, "transactions": {"check_after_ms": 10, "check_interval_ms": 200}}
    with EmbeddedBroker(settings=settings) as broker:
        client = PythonClient(f"127.0.0.1:{broker.ports['rocketmq_grpc']}", tmp_path)
        try:
            client.produce(name, checker="commit")
            sent = client.ask("transact", then="", topic=name, body=b"orphan")
            asked = client.checked()
            assert (asked["id"], asked["body"], asked["topic"]) == (sent["id"], b"orphan", name)
            client.ask("borrow", group=f"G-{name}", topic=name)
            assert [one["body"] for one in client.receive_all(1)] == [b"orphan"]
        finally:
            client.close()


def test_a_delayed_message_comes_when_it_is_due(python: PythonClient, name: str) -> None:
    due = int(time.time()) + 2
    python.ask("delay", topic=name, body=b"later", deliver_s=due)
    python.ask("borrow", group=f"G-{name}", topic=name)
    (message,) = python.receive_all(1)
    assert message["body"] == b"later"
    assert time.time() >= due


def test_a_delay_that_is_too_long_is_refused(python: PythonClient, name: str) -> None:
    with pytest.raises(ClientFailed, match="40012"):
        python.ask("delay", topic=name, body=b"x", deliver_s=int(time.time()) + 10**7)


def test_a_delayed_message_can_be_taken_back(python: PythonClient, name: str) -> None:
    due = int(time.time()) + 3600
    sent = python.ask("delay", topic=name, body=b"never", deliver_s=due)
    assert python.ask("recall", topic=name, handle=sent["handle"]) == {"id": sent["id"]}
    with pytest.raises(ClientFailed):
        python.ask("recall", topic=name, handle=sent["handle"])
