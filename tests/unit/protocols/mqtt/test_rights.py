"""Who may what: the same users and rights as everywhere, asked as RabbitMQ asks."""

import pytest
from tests.unit.protocols.mqtt.talk import DAY_S, payloads, subscribed

from anymq.protocols.mqtt.codec import (
    V5,
    V311,
    Disconnect,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Will,
    Wish,
)
from anymq.protocols.mqtt.errors import Reason
from anymq.testing.mqtt import MqttDialog, MqttRoom

ALL, NONE = ".*", "^$"
PASSWORD = "secret"


@pytest.fixture
def room() -> MqttRoom:
    room = MqttRoom()
    room.broker.users.put("ann", password=PASSWORD)
    room.broker.users.set_permissions("ann", "/", ALL, ALL, ALL)
    return room


def come(room: MqttRoom, client_id: str = "c", version: int = V5, **wishes: object) -> MqttDialog:
    """Return a connection of ann's."""
    client = room.mqtt_dialog(version)
    client.connect(client_id, user="ann", password=PASSWORD.encode(), **wishes)  # type: ignore[arg-type]
    return client


@pytest.mark.parametrize(
    ("configure", "write", "read", "may_publish", "may_subscribe"),
    [
        (ALL, ALL, ALL, True, True),
        (NONE, NONE, NONE, False, False),
        (NONE, "^amq.topic$", NONE, True, False),
        ("^mqtt-subscription-c$", "^mqtt-subscription-c$", ALL, False, True),
        ("^mqtt-subscription-d$", ALL, ALL, True, False),
        (ALL, ALL, "^mqtt-.*", True, False),
        (ALL, ALL, "^amq.topic$", True, False),
    ],
)
def test_rights(
    room: MqttRoom,
    configure: str,
    write: str,
    read: str,
    may_publish: bool,
    may_subscribe: bool,
) -> None:
    """Publishing writes to amq.topic; subscribing reads it, and has a queue."""
    room.broker.users.set_permissions("ann", "/", configure, write, read)
    client = come(room)
    client >> Publish("a", b"x", 1, 1)
    assert isinstance(answer := client.only(), Puback)
    assert (answer.code != Reason.NOT_AUTHORIZED) is may_publish
    client >> Subscribe(1, [Wish("a", 1)])
    assert client.only() == Suback(1, [1 if may_subscribe else Reason.NOT_AUTHORIZED])


def test_before_mqtt_5(room: MqttRoom) -> None:
    """A subscription fails; a message that is not allowed ends the connection."""
    room.broker.users.set_permissions("ann", "/", NONE, NONE, NONE)
    client = come(room, version=V311)
    client >> Subscribe(1, [Wish("a", 1)])
    assert client.only() == Suback(1, [0x80])
    client >> Publish("a", b"x", 1, 1)
    assert client.packets() == []
    assert client.session.closed


def test_topics_with_the_name_of_the_client(room: MqttRoom) -> None:
    """`{client_id}` and `{username}` in the pattern of a topic permission."""
    mine = r"^dev\.{username}\.{client_id}\."
    room.broker.users.set_topic_permissions("ann", "/", "amq.topic", mine, mine)
    client = come(room, "x+1")
    client >> Publish("dev/ann/x+1/t".replace("+", ""), b"x", 1, 1)
    assert isinstance(answer := client.only(), Puback)
    assert answer.code == Reason.NOT_AUTHORIZED
    client = come(room, "x1")
    client >> Publish("dev/ann/x1/t", b"x", 1, 1)
    assert client.only() == Puback(1, Reason.NO_SUBSCRIBERS)
    client >> Subscribe(1, [Wish("dev/ann/x1/#", 0), Wish("dev/ann/+/t", 0), Wish("#", 0)])
    no = Reason.NOT_AUTHORIZED
    assert client.only() == Suback(1, [0, no, no])


def test_a_shared_subscription_is_a_queue_of_its_own(room: MqttRoom) -> None:
    """With rights of its own."""
    own = "^mqtt-subscription-|^amq.topic$"
    room.broker.users.set_permissions("ann", "/", own, own, own)
    client = come(room)
    client >> Subscribe(1, [Wish("$share/g/a", 1), Wish("a", 1)])
    assert client.only() == Suback(1, [Reason.NOT_AUTHORIZED, 1])


def test_a_queue_is_written_to_as_by_amqp(room: MqttRoom) -> None:
    """By the right to write to the default exchange."""
    room.broker.vhosts["/"].declare_queue("q", durable=True)
    room.broker.users.set_permissions("ann", "/", NONE, "^amq.topic$", NONE)
    client = come(room)
    client >> Publish("$queue/q", b"x", 1, 1)
    assert isinstance(answer := client.only(), Puback)
    assert answer.code == Reason.NOT_AUTHORIZED


def test_a_will_that_is_not_allowed(room: MqttRoom) -> None:
    """Its client is not let in; and when rights went meanwhile, it is not published."""
    room.broker.users.set_permissions("ann", "/", ALL, NONE, ALL)
    client = room.mqtt_dialog()
    will = Will("w", b"gone")
    connack = client.connect("c", user="ann", password=PASSWORD.encode(), will=will)
    assert connack.code == Reason.NOT_AUTHORIZED
    room.broker.users.set_permissions("ann", "/", ALL, ALL, ALL)
    reader = room.connect("r")
    subscribed(reader, Wish("w", 0))
    client = come(room, will=will)
    room.broker.users.set_permissions("ann", "/", ALL, NONE, ALL)
    client.hang_up()
    assert payloads(reader) == []


def test_rights_that_are_taken_away(room: MqttRoom) -> None:
    """Who reads what it may not read any more has to leave; and does not get it by coming back."""
    client, writer = come(room, expiry_s=DAY_S), room.connect("w")
    subscribed(client, Wish("secret", 1), Wish("public", 1))
    room.broker.users.set_topic_permissions("ann", "/", "amq.topic", ALL, "^public$")
    gone = client.packets()[-1]
    assert isinstance(gone, Disconnect)
    assert gone.code == Reason.NOT_AUTHORIZED
    writer >> Publish("secret", b"1", 1, 1) >> Publish("public", b"2", 1, 2)
    client = come(room, clean=False, expiry_s=DAY_S)
    assert [one.payload for one in client.early if isinstance(one, Publish)] == [b"2"]


@pytest.mark.parametrize("change", ["delete", "clear"])
def test_who_may_not_be_here_any_more(room: MqttRoom, change: str) -> None:
    """It has to leave at once."""
    client = come(room)
    if change == "delete":
        room.broker.users.delete("ann")
    else:
        room.broker.users.clear_permissions("ann", "/")
    gone = client.packets()[-1]
    assert isinstance(gone, Disconnect)
    assert gone.code == Reason.NOT_AUTHORIZED


def test_what_aims_at_other_queues_goes_nowhere(room: MqttRoom) -> None:
    """A user property CC is a word of MQTT's users, not AMQP's address."""
    queue = room.broker.vhosts["/"].declare_queue("private", durable=True)
    room.broker.vhosts["/"].bind("amq.topic", "private", "private")
    room.broker.users.set_topic_permissions("ann", "/", "amq.topic", "^mine$", ALL)
    client = come(room)
    reader = come(room, "r")
    subscribed(reader, Wish("mine", 1))
    pairs = [("CC", "private"), ("CC", "private"), ("BCC", "private")]
    client >> Publish("mine", b"x", 1, 1, properties={0x26: pairs})
    assert queue.ready == 0
    (message,) = reader.packets()
    assert isinstance(message, Publish)
    assert message.properties[0x26] == pairs
