"""Wills over restarts: of sessions that are kept."""

import pytest
from tests.unit.protocols.mqtt.talk import DAY_S, killed, payloads, subscribed

from anymq.protocols.mqtt.codec import Disconnect, Will, Wish
from anymq.protocols.mqtt.properties import P, Props
from anymq.testing.mqtt import MqttRoom

LATE: Props = {P.WILL_DELAY: 10, P.CONTENT_TYPE: "text/plain"}


def hearers(room: MqttRoom) -> None:
    """Somebody who is away hears of wills."""
    client = room.connect("hearer", clean=False, expiry_s=DAY_S)
    subscribed(client, Wish("will", 1))
    client.hang_up()


def heard(room: MqttRoom) -> list[bytes]:
    client = room.mqtt_dialog()
    client.connect("hearer", clean=False, expiry_s=DAY_S)
    assert client.connack is not None
    assert client.connack.session_present
    found = [one.payload for one in client.early]  # type: ignore[union-attr]
    found += payloads(client)
    client.hang_up()
    return found


@pytest.mark.parametrize("is_lost_before", [True, False])
def test_a_will_that_waits_over_a_restart(is_lost_before: bool) -> None:
    """The device is not back in time, so others are to know."""
    room = MqttRoom()
    hearers(room)
    client = room.connect("c", expiry_s=DAY_S, will=Will("will", b"gone", 1, properties=LATE))
    if is_lost_before:
        client.hang_up()
        room.let_pass(4)
    again = killed(room)
    assert heard(again) == []
    again.let_pass(11)
    assert heard(again) == [b"gone"]
    once_more = killed(again)
    once_more.let_pass(20)
    assert heard(once_more) in ([], [b"gone"])  # that one may come again, which was not confirmed


def test_who_is_back_in_time() -> None:
    """A restart of the broker is no loss of its clients."""
    room = MqttRoom()
    hearers(room)
    will = Will("will", b"gone", 1, properties=LATE)
    room.connect("c", expiry_s=DAY_S, will=will)
    again = killed(room)
    again.connect("c", clean=False, expiry_s=DAY_S)
    again.let_pass(20)
    assert heard(again) == []
    assert heard(killed(again)) == []


def test_without_delay() -> None:
    """Who was there when the broker died is lost."""
    room = MqttRoom()
    hearers(room)
    room.connect("c", expiry_s=DAY_S, will=Will("will", b"gone", 1))
    assert heard(killed(room)) == [b"gone"]


def test_who_said_goodbye_has_no_will() -> None:
    """Not after a restart either."""
    room = MqttRoom()
    hearers(room)
    room.connect("c", expiry_s=DAY_S, will=Will("will", b"gone", 1)) >> Disconnect()
    again = killed(room)
    again.let_pass(20)
    assert heard(again) == []


def test_rights_that_were_taken_meanwhile() -> None:
    """A will is asked for rights when it is published."""
    room = MqttRoom()
    hearers(room)
    room.broker.users.put("ann", password="secret")
    room.broker.users.set_permissions("ann", "/", ".*", ".*", ".*")
    client = room.mqtt_dialog()
    will = Will("will", b"gone", 1, properties=LATE)
    client.connect("c", expiry_s=DAY_S, will=will, user="ann", password=b"secret")
    client.hang_up()
    room.broker.users.set_permissions("ann", "/", "^$", "^$", "^$")
    room.write_to_disk()
    again = killed(room)
    again.let_pass(20)
    assert heard(again) == []
