"""Queues of others, by `$queue/NAME`: who subscribes shares them with all who consume."""

import pytest
from tests.unit.protocols.mqtt.talk import DAY_S, messages, payloads, subscribed

from anymq.core.message import Envelope, Message, Run
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.mqtt.codec import Puback, Publish, Suback, Subscribe, Unsubscribe, Wish
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P
from anymq.testing.mqtt import MqttDialog, MqttRoom

WORK = "$queue/work"


@pytest.fixture
def room() -> MqttRoom:
    room = MqttRoom()
    vhost = room.broker.vhosts["/"]
    vhost.declare_queue("dead", durable=True)
    letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    vhost.declare_queue("work", durable=True, arguments=letters)
    return room


def write(room: MqttRoom, *bodies: bytes, exchange: str = "", key: str = "work") -> None:
    """Publish as AMQP does: not even persistent."""
    envelope = Envelope(exchange, key, AMQP_FORM)
    for body in bodies:
        message = Message(envelope, b"\0\0", body, room.broker.now_ms())
        room.broker.vhosts["/"].publish(Run([message], persistent=False), None)
    room.settle()


def waiting(room: MqttRoom, name: str = "work") -> int:
    room.settle()
    queue = room.broker.vhosts["/"].queues[name]
    return queue.ready + queue.unacked


def test_a_worker(room: MqttRoom) -> None:
    """What it confirms is done, and it hears for which queue."""
    write(room, b"1")
    client = room.connect("c")
    client >> Subscribe(1, [Wish(WORK, 1)], {P.SUBSCRIPTION_ID: [7]})
    suback, one = client.packets()
    assert suback == Suback(1, [1])
    assert isinstance(one, Publish)
    assert (one.topic, one.payload, one.qos) == (WORK, b"1", 1)
    assert one.properties[P.SUBSCRIPTION_ID] == [7]
    assert waiting(room) == 1
    client >> Puback(one.packet_id)
    assert waiting(room) == 0


def test_several_share_it(room: MqttRoom) -> None:
    """Each message to one of them; who goes leaves his to the others."""
    first, second = room.connect("a"), room.connect("b")
    for client in (first, second):
        subscribed(client, Wish(WORK, 1))
    write(room, *(b"%d" % number for number in range(10)))
    mine, yours = payloads(first), payloads(second)
    assert len(mine) == len(yours) == 5
    assert not set(mine) & set(yours)
    first.hang_up()
    assert payloads(second) == mine


def test_at_most_once(room: MqttRoom) -> None:
    """QoS 0 confirms nothing: it is done when it is sent."""
    client = room.connect("c")
    subscribed(client, Wish(WORK, 0))
    write(room, b"1")
    assert payloads(client) == [b"1"]
    assert waiting(room) == 0


def test_qos_2_is_1(room: MqttRoom) -> None:
    """What was granted is said."""
    client = room.connect("c")
    client >> Subscribe(1, [Wish(WORK, 2)])
    assert client.only() == Suback(1, [1])


def test_refused_is_a_dead_letter(room: MqttRoom) -> None:
    """A worker of MQTT 5 says that it cannot do this one."""
    client = room.connect("c")
    subscribed(client, Wish(WORK, 1))
    write(room, b"bad")
    [one] = messages(client)
    client >> Puback(one.packet_id, Reason.UNSPECIFIED)
    assert (waiting(room), waiting(room, "dead")) == (0, 1)


def test_too_large_is_a_dead_letter(room: MqttRoom) -> None:
    """What a client cannot take is not lost for it."""
    client = room.connect("c", properties={P.MAXIMUM_PACKET: 100})
    subscribed(client, Wish(WORK, 1))
    write(room, b"x" * 1000, b"small")
    assert payloads(client) == [b"small"]
    assert waiting(room, "dead") == 1


def test_topics_of_what_was_published_to_topics(room: MqttRoom) -> None:
    """They are what they were."""
    room.broker.vhosts["/"].bind("amq.topic", "work", "a.*")
    client = room.connect("c")
    subscribed(client, Wish(WORK, 1))
    room.connect("w") >> Publish("a/b", b"x")
    assert [one.topic for one in messages(client)] == ["a/b"]


def test_sessions_keep_it(room: MqttRoom) -> None:
    """Who comes back goes on; who has unsubscribed does not."""
    client = room.connect("c", expiry_s=DAY_S)
    subscribed(client, Wish(WORK, 1))
    client.hang_up()
    write(room, b"1")
    client = room.mqtt_dialog()
    client.connect("c", clean=False, expiry_s=DAY_S)
    found = [*client.early, *client.packets()]
    assert [one.payload for one in found if isinstance(one, Publish)] == [b"1"]
    client >> Unsubscribe(2, [WORK])
    client.packets()
    write(room, b"2")
    assert client.packets() == []
    assert waiting(room) == 2


def refusal(client: MqttDialog, name: str) -> int:
    client >> Subscribe(1, [Wish(name, 1)])
    suback = client.only()
    assert isinstance(suback, Suback)
    return suback.codes[0]


def test_what_cannot_be(room: MqttRoom) -> None:
    """Queues that are not there, of others alone, of clients; shares of a queue."""
    room.broker.vhosts["/"].declare_queue("mine", durable=False, owner=object())
    room.connect("other", clean=False, expiry_s=DAY_S) >> Subscribe(1, [Wish("t", 1)])
    client = room.connect("c")
    for name in ("none", "mine", "mqtt-subscription-other", "wor+"):
        assert refusal(client, f"$queue/{name}") >= Reason.UNSPECIFIED, name
    assert refusal(client, "$share/g/$queue/work") >= Reason.UNSPECIFIED


@pytest.mark.parametrize(("read", "code"), [("^work$", 1), ("^other$", Reason.NOT_AUTHORIZED)])
def test_rights(room: MqttRoom, read: str, code: int) -> None:
    """Whoever may consume from it by AMQP may do so here."""
    room.broker.users.put("ann", password="secret")
    room.broker.users.set_permissions("ann", "/", "^$", "^$", read)
    client = room.mqtt_dialog()
    client.connect("c", user="ann", password=b"secret")
    assert refusal(client, WORK) == code


def test_rights_that_are_taken(room: MqttRoom) -> None:
    """Who may not read it any more is disconnected."""
    room.broker.users.put("ann", password="secret")
    room.broker.users.set_permissions("ann", "/", ".*", ".*", ".*")
    client = room.mqtt_dialog()
    client.connect("c", user="ann", password=b"secret")
    subscribed(client, Wish(WORK, 1))
    room.broker.users.set_permissions("ann", "/", ".*", ".*", "^$")
    room.settle()
    write(room, b"1")
    assert all(not isinstance(one, Publish) for one in client.packets())
    assert waiting(room) == 1
