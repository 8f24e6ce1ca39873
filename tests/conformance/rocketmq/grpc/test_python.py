"""PyPI's `rocketmq-python-client`, by gRPC: what producers and consumers rely on."""

import pytest
from tests.conformance.rocketmq.grpc.client import ClientFailed
from tests.conformance.rocketmq.grpc.conftest import Connect

BODIES = {"text": b"caf\xc3\xa9", "binary": bytes(range(256)) * 4, "big": b"x" * 2**20}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_message_comes_as_it_went(connect_grpc: Connect, name: str, body: bytes) -> None:
    client = connect_grpc()
    client.produce(name)
    sent = client.send(name, body, tag="a", keys="k1", properties={"color": "blue"})
    client.ask("borrow", group=f"G-{name}", topic=name)
    (message,) = client.receive_all(1)
    assert (message["topic"], message["body"], message["id"]) == (name, body, sent["id"])
    assert (message["tag"], message["keys"]) == ("a", ["k1"])
    assert message["properties"] == {"color": "blue"}
    assert (message["attempt"], message["corrupted"]) == (1, False)


def test_messages_of_a_group_stay_in_order(connect_grpc: Connect, name: str) -> None:
    """They are in one queue, at offsets that grow."""
    client = connect_grpc()
    client.produce(name)
    sent = [client.send(name, b"%d" % n, group="g1")["offset"] for n in range(10)]
    assert sent == list(range(10))


def test_tags_choose(connect_grpc: Connect, name: str) -> None:
    client = connect_grpc()
    client.produce(name)
    for tag in ("a", "b", "c", "b"):
        client.send(name, tag.encode(), tag=tag)
    client.ask("borrow", group=f"G-{name}", topic=name, expression="b || c")
    came = client.receive_all(3)
    assert sorted(one["body"] for one in came) == [b"b", b"b", b"c"]


def test_a_message_that_is_given_back_comes_again(connect_grpc: Connect, name: str) -> None:
    client = connect_grpc()
    client.produce(name)
    client.send(name, b"again")
    client.ask("borrow", group=f"G-{name}", topic=name)
    (first,) = client.receive()
    client.ask("change", id=first["id"], invisible=1)
    (second,) = client.receive_all(1)
    assert (second["id"], second["attempt"]) == (first["id"], 2)


def test_a_push_consumer_gets_all(connect_grpc: Connect, name: str) -> None:
    client = connect_grpc()
    client.produce(name)
    client.ask("push", group=f"G-{name}", topic=name)
    for number in range(20):
        client.send(name, b"%d" % number)
    came = client.messages(20)
    assert sorted(int(one["body"]) for one in came) == list(range(20))


def test_a_body_that_is_too_big_is_refused(connect_grpc: Connect, name: str) -> None:
    client = connect_grpc()
    client.produce(name)
    with pytest.raises(ClientFailed, match="exceed"):
        client.send(name, b"x" * (4 * 2**20 + 1))
