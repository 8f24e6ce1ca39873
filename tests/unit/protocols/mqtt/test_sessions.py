"""Who comes, who stays, who comes back, and what happens when somebody does not."""

import pytest
from tests.unit.protocols.mqtt.talk import DAY_S, killed, payloads, subscribed

from anymq.protocols.mqtt.codec import (
    V5,
    V31,
    V311,
    Connack,
    Disconnect,
    Pingreq,
    Pingresp,
    Publish,
    Will,
    Wish,
)
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.session import Peer
from anymq.testing.mqtt import MqttDialog, MqttRoom

ELSEWHERE = Peer("192.0.2.7", 50_000, "192.0.2.1", 1883)


def code_of(client: MqttDialog) -> int:
    """Return why the connection was ended."""
    gone = client.packets()[-1]
    assert isinstance(gone, Disconnect)
    return gone.code


@pytest.mark.parametrize(("version", "code"), [(V5, Reason.BAD_LOGIN), (V311, 4), (V31, 4)])
def test_a_wrong_password(version: int, code: int) -> None:
    """Nobody learns more than that."""
    client = MqttRoom().mqtt_dialog(version)
    assert client.connect("c", user="guest", password=b"wrong") == Connack(False, code)
    assert client.session.closed


def test_a_user_and_a_password() -> None:
    """The users are those of all protocols."""
    client = MqttRoom().mqtt_dialog()
    assert client.connect("c", user="guest", password=b"guest").code == 0


@pytest.mark.parametrize("user", ["/:guest", "nowhere:guest"])
def test_the_user_may_name_a_virtual_host(user: str) -> None:
    """As with RabbitMQ; one that there is."""
    client = MqttRoom().mqtt_dialog()
    code = client.connect("c", user=user, password=b"guest").code
    assert code == (0 if user == "/:guest" else Reason.NOT_AUTHORIZED)


def test_who_says_no_name_comes_from_this_machine() -> None:
    """And only as long as guest's password is everybody's; guest itself comes from here, too."""
    room = MqttRoom()
    assert room.mqtt_dialog(peer=ELSEWHERE).connect("c").code == Reason.BAD_LOGIN
    guest = room.mqtt_dialog(peer=ELSEWHERE).connect("c", user="guest", password=b"guest")
    assert guest.code == Reason.NOT_AUTHORIZED
    room.broker.users.put("guest", password="another")
    assert room.mqtt_dialog().connect("c").code == Reason.BAD_LOGIN
    strict = MqttRoom(MqttSettings(anonymous=False))
    assert strict.mqtt_dialog().connect("c").code == Reason.BAD_LOGIN


@pytest.mark.parametrize(
    ("version", "clean", "code"), [(V31, True, 2), (V311, False, 2), (V311, True, 0), (V5, True, 0)]
)
def test_a_client_without_a_name(version: int, clean: bool, code: int) -> None:
    """It gets one, where that is allowed; MQTT 5 learns which."""
    connack = MqttRoom().mqtt_dialog(version).connect("", clean=clean)
    assert connack.code == code
    assert (P.ASSIGNED_CLIENT_ID in connack.properties) == (version == V5)


def test_the_same_client_comes_again() -> None:
    """The first one has to leave."""
    room = MqttRoom()
    first, old = room.connect("c"), room.connect("d", V311)
    assert room.connect("c").connack == room.connect("e").connack
    assert code_of(first) == Reason.TAKEN_OVER
    room.connect("d", V311)
    assert old.session.closed


def test_a_name_that_is_another_users() -> None:
    """Nobody gets somebody else's messages by saying a name."""
    room = MqttRoom()
    room.broker.users.put("other", password="secret")
    room.broker.users.set_permissions("other", "/", ".*", ".*", ".*")
    client = room.connect("c", expiry_s=DAY_S)
    subscribed(client, Wish("a", 1))
    for _ in ("here", "away"):
        thief = room.mqtt_dialog().connect("c", clean=False, user="other", password=b"secret")
        assert thief.code == Reason.NOT_AUTHORIZED
        client.hang_up()


@pytest.mark.parametrize("version", [V31, V311, V5])
def test_a_session_that_is_kept(version: int) -> None:
    """It is there again after a restart, with its subscriptions."""
    room = MqttRoom()
    said = {"expiry_s": DAY_S} if version == V5 else {}
    client = room.connect("c", version, clean=False, **said)
    assert client.connack is not None
    assert not client.connack.session_present
    subscribed(client, Wish("a/#", 1))
    room = killed(room)
    client = room.connect("c", version, clean=False, **said)
    assert client.connack is not None
    assert client.connack.session_present == (version != V31) or client.connack.session_present
    room.connect("w") >> Publish("a/b", b"x")
    assert payloads(client) == [b"x"]
    client.hang_up()
    client = room.connect("c", version, clean=True)
    assert client.connack == Connack(False, 0, client.connack.properties if client.connack else {})
    assert not room.broker.vhosts["/"].queues


def test_a_session_that_is_not_kept_leaves_nothing() -> None:
    """Neither a queue nor a line on the disk."""
    room = MqttRoom()
    client = room.connect("c")
    subscribed(client, Wish("a", 1))
    client >> Disconnect()
    assert client.session.closed
    assert not room.mqtt.mailboxes
    assert not room.broker.vhosts["/"].queues
    assert list(room.mqtt.kept.sessions()) == []


def test_a_session_expires() -> None:
    """After its time, also when the broker was not there meanwhile."""
    room = MqttRoom()
    for name in ("c", "d"):
        client = room.connect(name, expiry_s=60)
        subscribed(client, Wish("a", 1))
        client.hang_up()
    room.let_pass(30)
    client = room.connect("d", clean=False, expiry_s=60)
    room.let_pass(31)
    assert [one.client_id for one in room.mqtt.mailboxes.values()] == ["d"]
    client.hang_up()
    room = killed(room)
    assert [one.client_id for one in room.mqtt.mailboxes.values()] == ["d"]
    room.clock.seconds += 3600
    room.let_pass(1)
    assert not room.mqtt.mailboxes
    assert not room.broker.vhosts["/"].queues
    assert not killed(room).mqtt.mailboxes


def test_how_long_a_session_lasts_has_a_limit() -> None:
    """The client is told."""
    room = MqttRoom(MqttSettings(session_expiry_s_max=100))
    connack = room.mqtt_dialog().connect("c", expiry_s=101)
    assert connack.properties[P.SESSION_EXPIRY] == 100


def test_there_is_a_limit_of_sessions() -> None:
    """One more is refused."""
    room = MqttRoom(MqttSettings(sessions_max=1))
    room.connect("c", expiry_s=DAY_S).hang_up()
    assert room.mqtt_dialog().connect("d").code == Reason.QUOTA
    assert room.mqtt_dialog().connect("c", clean=False).code == 0


def test_a_goodbye_may_change_how_long() -> None:
    """But not begin what was to end with the connection."""
    room = MqttRoom()
    room.connect("c", expiry_s=DAY_S) >> Disconnect(0, {P.SESSION_EXPIRY: 0})
    assert not room.mqtt.mailboxes
    client = room.connect("c")
    client >> Disconnect(0, {P.SESSION_EXPIRY: 5})
    assert code_of(client) == Reason.PROTOCOL_ERROR


def watcher(room: MqttRoom) -> MqttDialog:
    """Return who hears of wills."""
    client = room.connect("watcher")
    subscribed(client, Wish("will", 0))
    return client


WILL = Will("will", b"gone")


def test_a_will() -> None:
    """It is published when the client is lost, silent, or says so; not when it says goodbye."""
    room = MqttRoom()
    heir = watcher(room)
    room.connect("c", will=WILL).hang_up()
    assert payloads(heir) == [b"gone"]
    room.connect("c", will=WILL) >> Disconnect(0x04)
    assert payloads(heir) == [b"gone"]
    room.connect("c", will=WILL, keep_alive=10)
    room.let_pass(17)
    assert payloads(heir) == [b"gone"]
    room.connect("c", will=WILL) >> b"\x00\x00"
    assert payloads(heir) == [b"gone"]
    room.connect("c", will=WILL) >> Disconnect()
    assert payloads(heir) == []


def test_a_will_that_waits() -> None:
    """Who comes back in time is not gone; the end of the session is the end."""
    room = MqttRoom()
    heir = watcher(room)
    will = Will("will", b"late", properties={P.WILL_DELAY: 10})
    room.connect("c", will=will, expiry_s=60).hang_up()
    room.let_pass(5)
    room.connect("c", clean=False, will=will, expiry_s=60).hang_up()
    room.let_pass(9)
    assert payloads(heir) == []
    room.let_pass(2)
    assert payloads(heir) == [b"late"]
    room.connect("c", will=will, expiry_s=3).hang_up()
    room.let_pass(4)
    assert payloads(heir) == [b"late"]
    room.connect("c", will=will, expiry_s=60).hang_up()
    room.connect("c", clean=True)
    assert payloads(heir) == [b"late"]


def test_silence() -> None:
    """One and a half times the keep-alive; every packet counts."""
    room = MqttRoom()
    client = room.connect("c", keep_alive=10)
    for _ in range(3):
        room.let_pass(14)
        client >> Pingreq()
        assert client.only() == Pingresp()
    room.let_pass(17)
    assert code_of(client) == Reason.KEEP_ALIVE
    quiet = room.connect("quiet", V311)
    room.let_pass(3600)
    assert not quiet.session.closed


def test_the_broker_may_want_to_hear_more_often() -> None:
    """MQTT 5 is told so."""
    room = MqttRoom(MqttSettings(keep_alive_s_max=30))
    connack = room.mqtt_dialog().connect("c", keep_alive=60)
    assert connack.properties[P.SERVER_KEEP_ALIVE] == 30


def test_who_does_not_say_who_he_is() -> None:
    """He does not get much time, nor much room."""
    room = MqttRoom()
    client = room.mqtt_dialog()
    room.settle(client)
    client >> b"\x10"
    room.let_pass(12)
    assert client.session.closed
    client = room.mqtt_dialog()
    client >> bytes.fromhex("10 ff ff 7f")
    assert client.session.closed


@pytest.mark.parametrize("first", [Pingreq(), Publish("a", b"x"), b"GET / HTTP/1.1\r\n\r\n"])
def test_connect_comes_first(first: "Pingreq | Publish | bytes") -> None:
    """Whatever else comes ends it, without an answer."""
    client = MqttRoom().mqtt_dialog()
    client >> first
    assert client.session.closed
    assert client.packets() == []


def test_a_version_that_nobody_speaks() -> None:
    """Version 4 answers 1; the client may try another."""
    client = MqttRoom().mqtt_dialog(V311)
    client >> bytes.fromhex("10 0c 00 04 4d 51 54 54 06 02 00 00 00 00")
    assert client.session.closed


def test_a_virtual_host_that_is_deleted() -> None:
    """With its sessions and what it has retained."""
    room = MqttRoom()
    room.broker.create_vhost("v")
    client = room.mqtt_dialog()
    client.connect("c", user="v:guest", password=b"guest", expiry_s=DAY_S)
    subscribed(client, Wish("a", 1))
    client >> Publish("kept", b"x", retain=True)
    room.broker.delete_vhost("v")
    assert code_of(client) == Reason.ADMINISTRATIVE
    assert not room.mqtt.mailboxes
    room.settle()
    again = killed(room)
    assert not again.mqtt.mailboxes
    assert list(again.mqtt.kept.retained()) == []


def test_all_memory_comes_back() -> None:
    """Also that of half a packet."""
    room = MqttRoom()
    client = room.connect("c")
    client >> bytes.fromhex("30 ff ff 03") + b"x" * 5000
    assert client.session.reading
    assert room.mqtt.memory.used > 5000
    client.hang_up()
    assert room.mqtt.memory.used == 0
