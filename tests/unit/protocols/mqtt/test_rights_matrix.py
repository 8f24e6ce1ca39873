"""Every packet by every combination of rights: who may is answered, who may not is refused.

What a packet needs stands here, in words; a packet that is missing here fails a test.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import pytest
from tests.unit.protocols.amqp.rights_matrix import PASSWORD
from tests.unit.protocols.rights import Person, Trusting, everybody, let_in, needs

from anymq.protocols.mqtt.codec import (
    V5,
    V311,
    Auth,
    Connack,
    Disconnect,
    Packet,
    Pingreq,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
    Wish,
)
from anymq.protocols.mqtt.conversation import _HANDLERS
from anymq.protocols.mqtt.errors import Reason
from anymq.testing.mqtt import MqttRoom

EVERYBODY = list(everybody(queues="^(mqtt-|q)", exchanges=r"^amq\."))
MAILBOX = "mqtt-subscription-c"
READS = f"configure {MAILBOX}, write {MAILBOX}, read {MAILBOX}, read amq.topic"
SHARE = "mqtt-share-g/a"
# What is about messages that came before, or about nothing that belongs to anybody.
WITHOUT_RIGHTS = {Puback, Pubrec, Pubcomp, Pingreq, Disconnect, Auth}


class Operation(NamedTuple):
    """What is said, and what it needs: its last packet has an answer."""

    needs: str
    said: Sequence[Packet] = ()
    will: Will | None = None


def publish(topic: str = "a", qos: int = 1, *, retain: bool = False) -> Publish:
    return Publish(topic, b"x", qos, 1 if qos else 0, retain=retain)


OPERATIONS: Mapping[str, Operation] = {
    "CONNECT": Operation(""),
    "CONNECT with a will": Operation("write amq.topic", will=Will("w", b"gone")),
    "PUBLISH": Operation("write amq.topic", [publish()]),
    "PUBLISH, QoS 2": Operation("write amq.topic", [publish(qos=2)]),
    "PUBLISH and retain": Operation("write amq.topic", [publish(retain=True)]),
    "PUBLISH to a queue": Operation("write amq.default", [publish("$queue/q")]),
    "PUBREL": Operation("", [Pubrel(9)]),
    "SUBSCRIBE": Operation(READS, [Subscribe(1, [Wish("a", 1)])]),
    "SUBSCRIBE to all": Operation(READS, [Subscribe(1, [Wish("#", 2)])]),
    "SUBSCRIBE and share": Operation(
        f"configure {SHARE}, write {SHARE}, read {SHARE}, read amq.topic",
        [Subscribe(1, [Wish("$share/g/a", 1)])],
    ),
    "UNSUBSCRIBE": Operation("", [Unsubscribe(1, ["a"])]),
    "UNSUBSCRIBE what is there": Operation(
        "", [Subscribe(1, [Wish("a", 1)]), Unsubscribe(2, ["a"])]
    ),
}


def test_no_packet_is_forgotten() -> None:
    tried = {type(packet) for operation in OPERATIONS.values() for packet in operation.said}
    assert tried | WITHOUT_RIGHTS == set(_HANDLERS)


@cache
def full_room() -> MqttRoom:
    """Everybody is known here, and believed."""
    room = MqttRoom()
    room.mqtt.gate = Trusting()
    room.broker.vhosts["/"].declare_queue("q", durable=True)
    for person in EVERYBODY:
        let_in(room.broker, person)
    return room


def _tried(room: MqttRoom, person: Person, operation: Operation, version: int) -> bool:
    client = room.mqtt_dialog(version)
    connack = client.connect("c", user=person.name, password=PASSWORD.encode(), will=operation.will)
    heard: list[Packet] = [connack]
    for packet in operation.said:
        heard = []
        if not client.session.closed:
            client >> packet
            heard = [one for one in client.packets() if not isinstance(one, Publish)]
    closed = client.session.closed
    if not closed:
        client >> Disconnect()
    room.dialogs.clear()
    return not closed and _says_yes(heard[-1])


def _says_yes(answer: Packet) -> bool:
    if isinstance(answer, (Connack, Puback, Pubrec)):
        return answer.code in (0, Reason.NO_SUBSCRIBERS)
    if isinstance(answer, Suback):
        return answer.codes[0] < Reason.UNSPECIFIED
    return isinstance(answer, (Pubcomp, Unsuback))


@pytest.mark.parametrize("version", [V5, V311])
@pytest.mark.parametrize("name", OPERATIONS)
def test_who_may_and_who_may_not(name: str, version: int) -> None:
    asked = needs(OPERATIONS[name].needs)
    for person in EVERYBODY:
        allowed = _tried(full_room(), person, OPERATIONS[name], version)
        assert allowed is person.has(asked), person


@pytest.mark.parametrize("version", [V5, V311])
@pytest.mark.parametrize("may", [True, False])
def test_what_has_no_answer_reaches_nobody(may: bool, version: int) -> None:
    """QoS 0: who may not publish is perhaps not told."""
    room = MqttRoom()
    room.broker.users.put("ann", password="secret")
    room.broker.users.set_permissions("ann", "/", ".*", ".*" if may else "^mqtt-", ".*")
    reader = room.connect("r")
    reader >> Subscribe(1, [Wish("a", 0)])
    assert reader.only() == Suback(1, [0])
    client = room.mqtt_dialog(version)
    client.connect("c", user="ann", password=b"secret")
    client >> publish(qos=0)
    assert [type(packet) for packet in reader.packets()] == [Publish] * may


@pytest.mark.parametrize("version", [V5, V311])
def test_who_may_not_be_here_does_not_come_in(version: int) -> None:
    room = MqttRoom()
    room.broker.users.put("ann", password="secret")
    client = room.mqtt_dialog(version)
    assert client.connect("c", user="ann", password=b"secret").code != 0


@pytest.mark.parametrize("wish", ["secret", "#", "+", "$share/g/secret", "$share/g/#"])
def test_rights_on_topics_hold_for_filters(wish: str) -> None:
    """Who may read one topic reads no other, however it is asked for."""
    room = MqttRoom()
    room.broker.users.put("ann", password="secret")
    room.broker.users.set_permissions("ann", "/", ".*", ".*", ".*")
    room.broker.users.set_topic_permissions("ann", "/", "amq.topic", "^public$", "^public$")
    client = room.mqtt_dialog(V5)
    client.connect("c", user="ann", password=b"secret")
    client >> Subscribe(1, [Wish(wish, 1)])
    assert client.only() == Suback(1, [Reason.NOT_AUTHORIZED])
    client >> Subscribe(2, [Wish("public", 1)])
    assert client.only() == Suback(2, [1])
