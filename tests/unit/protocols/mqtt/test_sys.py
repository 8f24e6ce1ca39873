"""Figures of the broker below $SYS/: read only, for who may know them, for nobody by accident."""

import pytest
from tests.unit.protocols.mqtt.talk import messages, payloads, subscribed

from anymq.protocols.mqtt.codec import Puback, Publish, Suback, Subscribe, Unsubscribe, Wish
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.topics import matches
from anymq.testing.mqtt import MqttDialog, MqttRoom

CONNECTED = "$SYS/broker/clients/connected"


def begun(room: MqttRoom, name: str, *filters: str) -> list[Publish]:
    """Return what comes of a subscription at once."""
    client = room.connect(name)
    client >> Subscribe(1, [Wish(one) for one in filters])
    suback, *found = client.packets()
    assert suback == Suback(1, [0] * len(filters))
    return [one for one in found if isinstance(one, Publish)]


def test_there_at_once() -> None:
    """As retained messages are; numbers as text, by mosquitto's names."""
    room = MqttRoom()
    room.connect("other")
    [one] = begun(room, "a", CONNECTED)
    assert (one.topic, one.payload, one.retain) == (CONNECTED, b"2", True)
    found = {one.topic: one.payload for one in begun(room, "b", "$SYS/#")}
    assert found["$SYS/broker/uptime"].endswith(b" seconds")
    assert found["$SYS/broker/clients/total"] == b"3"
    assert int(found["$SYS/broker/messages/received"]) >= 3


def test_told_when_it_changes() -> None:
    """Every ten seconds, and only what is another than before."""
    room = MqttRoom()
    client = room.connect("a")
    client >> Subscribe(1, [Wish("$SYS/broker/clients/+")])
    client.packets()
    room.let_pass(11)
    client.packets()
    room.let_pass(11)
    assert messages(client) == []
    room.connect("b")
    room.let_pass(11)
    found = {one.topic: (one.payload, one.retain) for one in messages(client)}
    assert found[CONNECTED] == (b"2", False)
    client >> Unsubscribe(2, ["$SYS/broker/clients/+"])
    client.packets()
    room.connect("c")
    room.let_pass(11)
    assert messages(client) == []


@pytest.mark.parametrize("filter_", ["#", "+/#", "+/broker/clients/connected"])
def test_not_by_accident(filter_: str) -> None:
    """Who wants everything wants everything that others have published."""
    room = MqttRoom()
    client = room.connect("all")
    subscribed(client, Wish(filter_))
    begun(room, "a", "$SYS/#")
    room.let_pass(21)
    assert payloads(client) == []


def test_nobody_publishes_there() -> None:
    """Read only; nor by AMQP's exchange, which they are not on."""
    room = MqttRoom()
    client = room.connect("a")
    client >> Publish(CONNECTED, b"1000", 1, 1)
    answer = client.only()
    assert isinstance(answer, Puback)
    assert answer.code == Reason.NOT_AUTHORIZED
    assert not any("$SYS" in str(one) for one in room.broker.vhosts["/"].exchanges)


@pytest.mark.parametrize(("tags", "code"), [(("monitoring",), 0), ((), Reason.NOT_AUTHORIZED)])
def test_rights(tags: tuple[str, ...], code: int) -> None:
    """They tell of all virtual hosts: they are for who watches all of it."""
    room = MqttRoom()
    room.broker.users.put("ann", password="secret", tags=tags)
    room.broker.users.set_permissions("ann", "/", ".*", ".*", ".*")
    client = MqttDialog(room, 5, room.mqtt_dialog().session.conversation.peer)
    client.connect("c", user="ann", password=b"secret")
    client >> Subscribe(1, [Wish(CONNECTED)])
    suback = client.packets()[0]
    assert isinstance(suback, Suback)
    assert suback.codes == [code]


def test_not_for_groups() -> None:
    """A figure for one of many makes no sense."""
    client = MqttRoom().connect("a")
    client >> Subscribe(1, [Wish("$share/g/$SYS/#")])
    suback = client.only()
    assert isinstance(suback, Suback)
    assert suback.codes[0] >= Reason.UNSPECIFIED


@pytest.mark.parametrize(
    ("filter_", "name", "expected"),
    [
        ("$SYS/#", "$SYS/a", True),
        ("$SYS/+/b", "$SYS/a/b", True),
        ("$SYS/+", "$SYS/a/b", False),
        ("$SYS/a/b/c", "$SYS/a/b", False),
        ("$SYS/a/#", "$SYS/a", True),
    ],
)
def test_matches(filter_: str, name: str, expected: bool) -> None:
    """As MQTT says it."""
    assert matches(filter_, name) is expected
