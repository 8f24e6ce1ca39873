"""Time, silence, limits, and who has to wait."""

from dataclasses import replace

import pytest
from tests.unit.protocols.stomp.frames import said, send, subscribe

from anymq.protocols.session import Peer
from anymq.protocols.stomp.codec import V11, Frame
from anymq.protocols.stomp.settings import StompSettings
from anymq.security.passwords import proofs_of
from anymq.security.users import Users
from anymq.testing.gate import SlowGate
from anymq.testing.stomp import StompRoom

FAR = Peer("192.0.2.7", 50_000, "127.0.0.1", 61613)


def room_with(**settings):
    return StompRoom(replace(StompSettings(), **settings))


# Coming in


def test_who_says_nothing_has_to_leave():
    room = StompRoom()
    client = room.stomp_dialog()
    room.settle(client)
    room.let_pass(12)
    assert client.session.closed


def test_who_says_no_name_is_guest_from_this_machine_only():
    room = StompRoom()
    assert room.stomp_dialog().connect().command == "CONNECTED"
    assert room.stomp_dialog(peer=FAR).connect().command == "ERROR"
    assert room.stomp_dialog(peer=FAR).connect(login="guest", passcode="guest").command == "ERROR"


def test_where_nobody_may_come_without_a_name():
    assert room_with(anonymous=False).stomp_dialog().connect().command == "ERROR"


def test_a_certificate_says_who_comes():
    room = StompRoom(users=Users({"ada": ("secret",)}))
    room.broker.users.set_permissions("ada", "/", ".*", ".*", ".*")
    subject = {"subject": ((("commonName", "ada"),),)}
    client = room.stomp_dialog(peer=replace(FAR, tls=True, certificate=lambda: subject))
    assert client.connect().command == "CONNECTED"
    assert client.session.conversation.user == "ada"


def test_a_password_is_looked_at_elsewhere_and_frames_wait():
    gate = SlowGate()
    room = StompRoom(gate=gate, users=Users({"ada": proofs_of("secret")}))
    room.broker.users.set_permissions("ada", "/", ".*", ".*", ".*")
    client = room.stomp_dialog()
    connect = {"login": "ada", "passcode": "secret", "accept-version": "1.2", "host": "/"}
    client >> Frame("CONNECT", connect) >> send(receipt="1")
    assert client.frames() == []
    assert not client.session.reading
    gate.work()
    room.settle()
    assert [frame.command for frame in client.frames()] == ["CONNECTED", "RECEIPT"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "/"])
def test_the_name_of_this_machine_is_no_virtual_host(host):
    room = StompRoom()
    client = room.stomp_dialog()
    client >> Frame("CONNECT", {"accept-version": "1.2", "host": host})
    assert client.only().command == "CONNECTED"
    assert client.session.conversation.vhost_name == "/"


def test_a_virtual_host_of_that_name_goes_before():
    room = StompRoom()
    room.broker.create_vhost("localhost")
    room.write_to_disk()
    client = room.stomp_dialog()
    client >> Frame("CONNECT", {"accept-version": "1.2", "host": "localhost"})
    client.frames()
    assert client.session.conversation.vhost_name == "localhost"


# Heart-beats


def test_heart_beats_are_sent_where_nothing_else_is():
    room = StompRoom()
    client = room.connect(heart_beat="0,2000")
    assert client.connected.headers["heart-beat"] == "2000,0"
    room.let_pass(4)
    assert client.raw().count(b"\n") >= 2


def test_who_promised_to_say_something_and_does_not_is_gone():
    room = StompRoom()
    client = room.connect(heart_beat="2000,0")
    room.let_pass(4)
    client >> b"\n"
    room.let_pass(4)
    assert not client.session.closed
    room.let_pass(4)
    assert client.session.closed


def test_silence_that_we_asked_for_is_none():
    """While the broker is short of memory, who sends is not read: its heart-beats neither."""
    room = StompRoom()
    client = room.connect(heart_beat="1000,0")
    client >> send()
    room.broker.flow.set("memory", True)
    assert not client.session.reading
    room.let_pass(30)
    assert not client.session.closed
    room.broker.flow.set("memory", False)
    assert client.session.reading


# Limits


def test_who_waits_for_too_many_receipts_is_read_no_further():
    room = room_with(receipts_max=3)
    client = room.connect()
    room.disk_waits = True
    for number in range(5):
        client >> send(persistent="true", receipt=str(number))
    assert not client.session.reading
    room.disk_waits = False
    room.settle()
    assert [frame.headers["receipt-id"] for frame in client.frames()] == ["0", "1", "2", "3", "4"]
    assert client.session.reading


def test_what_a_client_does_not_take_is_not_sent():
    room = room_with(delivery_bytes_max=10_000)
    client, writer = room.connect(), room.connect()
    client >> subscribe()
    for _ in range(5):
        writer >> send(b"x" * 8_000)
    sent, outbox = 0, client.outbox
    client.turn = lambda: False  # the carrier is stuck
    for _ in range(20):
        writer >> send(b"x" * 8_000)
    assert outbox.size < 30_000
    del client.turn
    room.settle()
    sent = len(client.frames())
    assert sent == 25


def test_subscriptions_have_a_limit():
    client = room_with(subscriptions_max=2).connect()
    for number in range(3):
        client >> subscribe(str(number), f"/queue/{number}")
    assert client.only().body.endswith(b"too many subscriptions of one connection")


def test_transactions_have_limits():
    client = room_with(transactions_max=1, transaction_bytes_max=10_000).connect()
    client >> said("BEGIN", transaction="a") >> said("BEGIN", transaction="b")
    assert client.only().headers["message"] == "Transaction limit exceeded"
    client >> send(b"x" * 11_000, transaction="a")
    assert client.only().headers["message"] == "Transaction too large"
    client.room.let_pass(2)
    assert client.session.closed


def test_bodies_have_a_limit_and_a_smaller_one_before_the_login():
    room = room_with(body_bytes_max=100_000)
    stranger = room.stomp_dialog()
    stranger >> b"CONNECT\naccept-version:1.2\n\n" + b"x" * 5_000
    assert stranger.only().headers["message"] == "Malformed frame"
    client = room.connect()
    client >> send(b"x" * 100_000, receipt="1")
    assert client.only().command == "RECEIPT"
    client >> b"SEND\ndestination:/queue/q\ncontent-length:100001\n\n"
    assert client.only().headers["message"] == "Malformed frame"


def test_a_frame_that_is_none_is_the_end():
    client = StompRoom().connect(V11)
    client >> b"SEND\ndestination:/queue/q\nbad\\rescape:1\n\n\0"
    error = client.only()
    assert (error.headers["message"], error.body) == (
        "Malformed frame",
        b"an unknown escape: \\r",
    )
    client.room.let_pass(2)
    assert client.session.closed


# The end


def test_an_error_comes_behind_the_receipts_of_what_went_well():
    room = StompRoom()
    client = room.connect()
    room.disk_waits = True
    (
        client
        >> send(persistent="true", receipt="1")
        >> send(destination="/exchange/none", receipt="2")
    )
    assert client.frames() == []
    room.disk_waits = False
    room.settle()
    receipt, error = client.frames()
    assert receipt.headers["receipt-id"] == "1"
    assert (error.command, error.headers["receipt-id"]) == ("ERROR", "2")


def test_nothing_of_a_transaction_happens_when_one_part_is_wrong():
    room = StompRoom()
    client = room.connect()
    client >> said("BEGIN", transaction="t") >> send(b"x", transaction="t")
    client >> send(b"y", "/nowhere/at/all", transaction="t")
    assert client.only().headers["message"] == "Unknown destination"
    client >> said("COMMIT", transaction="t", receipt="1")
    assert client.frames() == []
    assert room.broker.vhosts["/"].queues["q"].ready == 0


def test_a_queue_that_is_full_refuses_and_the_client_goes_on():
    room = StompRoom()
    room.broker.vhosts["/"].declare_queue(
        "q", durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    client = room.connect()
    client >> send(receipt="1") >> send(receipt="2") >> said("BEGIN", transaction="t", receipt="3")
    one, error, three = client.frames()
    assert one.headers["receipt-id"] == "1"
    assert (error.command, error.headers["receipt-id"]) == ("ERROR", "2")
    assert three.headers["receipt-id"] == "3"


def test_who_may_no_longer_read_has_to_leave():
    room = StompRoom(users=Users({"ada": ("secret",)}))
    room.broker.users.set_permissions("ada", "/", ".*", ".*", ".*")
    client = room.connect(login="ada", passcode="secret")
    client >> subscribe()
    room.broker.users.set_permissions("ada", "/", ".*", ".*", "^other$")
    room.settle()
    assert client.only().body == b"rights were taken away"


def test_the_broker_says_that_it_stops():
    room = StompRoom()
    client = room.connect()
    room.stomp.say_goodbye()
    assert client.only().body == b"the broker stops"
    assert not room.stomp.connected


def test_a_virtual_host_that_is_deleted_takes_its_clients_along():
    room = StompRoom()
    room.broker.create_vhost("v")
    room.broker.users.set_permissions("guest", "v", ".*", ".*", ".*")
    room.write_to_disk()
    client = room.stomp_dialog()
    client >> Frame("CONNECT", {"accept-version": "1.2", "host": "v"})
    assert client.only().command == "CONNECTED"
    client >> subscribe()
    room.broker.delete_vhost("v")
    room.settle()
    assert client.frames()[-1].body == b"vhost 'v' is deleted"
