"""Sessions of very many filters: kept in parts, and their bindings made again."""

from typing import Any

from tests.unit.protocols.mqtt.talk import DAY_S, killed, payloads, subscribed

from anymq.protocols.mqtt import kept
from anymq.protocols.mqtt.codec import Publish, Unsuback, Unsubscribe, Wish
from anymq.protocols.mqtt.kept import SessionRecord, SubscriptionRecord
from anymq.protocols.mqtt.properties import P
from anymq.testing.mqtt import MqttDialog, MqttRoom

MANY = 300
LASTS: dict[str, Any] = {"properties": {P.SESSION_EXPIRY: DAY_S}, "clean": False}


def keys(room: MqttRoom) -> list[str]:
    """Return under which keys something is kept of sessions."""
    return sorted(room.mqtt.kept._store.load())


def heard(room: MqttRoom, client: MqttDialog, *topics: str) -> list[bytes]:
    """Return what a client gets of what another one publishes to these topics."""
    writer = room.connect("writer")
    for topic in topics:
        writer >> Publish(topic, topic.encode())
    room.settle()
    writer.packets()
    return payloads(client)


def test_a_restart_finds_them_all() -> None:
    """Those that were taken back stay away; bindings are as before."""
    room = MqttRoom()
    client = room.connect("c", **LASTS)
    for number in range(0, MANY, 3):
        subscribed(client, *[Wish(f"a/{one}/+", one % 3) for one in range(number, number + 3)])
    subscribed(client, Wish("$share/g/s", 1), Wish("$share/g/t", 1))
    client >> Unsubscribe(1, ["a/7/+", "a/8/+", "$share/g/t", "never"])
    assert isinstance(client.only(), Unsuback)
    bindings = set(room.broker.vhost("/").topology.bindings)

    room = killed(room)

    assert set(room.broker.vhost("/").topology.bindings) == bindings
    client = room.connect("c", **LASTS)
    assert client.connack is not None
    assert client.connack.session_present
    mailbox = room.mqtt.mailboxes["/", "c"]
    assert len(mailbox.subscriptions) == MANY - 2 + 1
    assert [mailbox.subscriptions[f"a/{one}/+"].wish.qos for one in range(6)] == [0, 1, 2] * 2
    assert heard(room, client, "a/6/x", "a/7/x", "a/9/x", "s", "t") == [b"a/6/x", b"a/9/x", b"s"]


def test_one_more_of_very_many_costs_little() -> None:
    """Many clients subscribe to one filter after another."""
    room = MqttRoom()
    client = room.connect("c", **LASTS)
    for number in range(0, MANY, 10):
        subscribed(client, *[Wish(f"room/{one}", 1) for one in range(number, number + 10)])
    log = room.store.logs[kept.LOG_ID]
    before = log.size_bytes()
    subscribed(client, Wish("room/more", 1))
    assert log.size_bytes() - before < 1000


def test_nothing_is_left_of_a_session_that_ends() -> None:
    room = MqttRoom()
    before = keys(room)
    client = room.connect("c", **LASTS)
    subscribed(client, *[Wish(f"a/{one}", 1) for one in range(MANY)])
    assert len(keys(room)) > len(before) + 1
    client = room.connect("c", clean=True)
    room.settle()
    assert keys(room) == before
    assert not room.broker.vhost("/").exchange("amq.topic").bindings


def test_a_session_as_older_versions_kept_it() -> None:
    """Its subscriptions were in its record, its bindings among the definitions."""
    room = MqttRoom()
    room.connect("c", **LASTS)
    vhost = room.broker.vhost("/")
    vhost.declare_queue("mqtt-subscription-c", durable=True)
    vhost.bind("amq.topic", "mqtt-subscription-c", "a.*")
    record = SessionRecord(
        "guest", DAY_S, 0, {"a/+": SubscriptionRecord(1), "b": SubscriptionRecord(1)}
    )
    room.mqtt.kept._store.put({"s/%2F/c": kept._encode(record)}, kept.ignore)
    room.settle()

    for _ in range(2):
        room = killed(room)
        assert set(room.mqtt.mailboxes["/", "c"].subscriptions) == {"a/+", "b"}
    client = room.connect("c", **LASTS)
    client >> Unsubscribe(1, ["a/+"])
    client.packets()
    room = killed(room)
    client = room.connect("c", **LASTS)
    assert heard(room, client, "a/1", "b") == [b"b"]
