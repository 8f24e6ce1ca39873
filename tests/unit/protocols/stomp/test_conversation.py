"""What STOMP clients say, and what they hear."""

from typing import Any

import pytest

from anymq.protocols.stomp.codec import V10, V11, V12, Frame
from anymq.testing.stomp import StompRoom

Q = {"destination": "/queue/q"}


@pytest.fixture
def room() -> StompRoom:
    return StompRoom()


def subscribe(id_: str = "1", destination: str = "/queue/q", **headers: Any) -> Frame:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Frame("SUBSCRIBE", {"id": id_, "destination": destination, **said})


def send(body: bytes = b"hello", destination: str = "/queue/q", **headers: Any) -> Frame:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Frame("SEND", {"destination": destination, **said}, body)


def test_who_comes_is_told_the_version_and_its_session(room: StompRoom) -> None:
    client = room.connect()
    assert client.connected.headers["version"] == "1.2"
    assert client.connected.headers["session"].startswith("session-")
    assert client.connected.headers["heart-beat"] == "0,0"


@pytest.mark.parametrize("version", [V10, V11, V12])
def test_the_best_version_that_both_speak(room: StompRoom, version: str) -> None:
    client = room.connect(version)
    assert client.connected.headers["version"] == version


def test_a_message_goes_from_one_client_to_another(room: StompRoom) -> None:
    reader, writer = room.connect(), room.connect()
    reader >> subscribe()
    writer >> send(b"hello", color="blue")
    frame = reader.only()
    assert (frame.command, frame.body) == ("MESSAGE", b"hello")
    assert frame.headers["subscription"] == "1"
    assert frame.headers["destination"] == "/queue/q"
    assert frame.headers["color"] == "blue"
    assert frame.headers["redelivered"] == "false"


def test_a_receipt_waits_for_the_disk(room: StompRoom) -> None:
    """Who has its receipt may forget the message, so the disk comes first."""
    client = room.connect()
    client >> send(receipt="0", persistent="true")
    assert client.only().headers == {"receipt-id": "0"}
    room.disk_waits = True
    client >> send(receipt="1", persistent="true")
    assert client.frames() == []
    room.disk_waits = False
    room.settle()
    assert client.only() == Frame("RECEIPT", {"receipt-id": "1"})


def test_what_is_not_acknowledged_comes_again(room: StompRoom) -> None:
    first = room.connect()
    first >> subscribe(ack="client-individual") >> send(b"one") >> send(b"two")
    one, two = first.frames()
    first >> Frame("ACK", {"id": two.headers["ack"]})
    first.hang_up()
    second = room.connect()
    second >> subscribe()
    frame = second.only()
    assert (frame.body, frame.headers["redelivered"]) == (b"one", "true")
    assert one.body == b"one"


def test_ack_client_settles_all_before_it_of_the_subscription(room: StompRoom) -> None:
    first = room.connect()
    first >> subscribe(ack="client") >> send(b"one") >> send(b"two") >> send(b"three")
    _, two, _ = first.frames()
    first >> Frame("ACK", {"id": two.headers["ack"]})
    first.hang_up()
    second = room.connect()
    second >> subscribe()
    assert [frame.body for frame in second.frames()] == [b"three"]


def test_nack_brings_it_back(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe(ack="client-individual") >> send(b"one")
    client >> Frame("NACK", {"id": client.only().headers["ack"]})
    again = client.only()
    assert (again.body, again.headers["redelivered"]) == (b"one", "true")


def test_topics_reach_whoever_matches(room: StompRoom) -> None:
    one, other, writer = room.connect(), room.connect(), room.connect()
    one >> subscribe(destination="/topic/a.*")
    other >> subscribe(destination="/topic/#")
    writer >> send(b"x", "/topic/a.b")
    assert one.only().headers["destination"] == "/topic/a.b"
    assert other.only().body == b"x"


def test_disconnect_is_answered_when_all_before_it_is(room: StompRoom) -> None:
    client = room.connect()
    client >> send(b"x", receipt="1") >> Frame("DISCONNECT", {"receipt": "bye"})
    assert [frame.headers["receipt-id"] for frame in client.frames()] == ["1", "bye"]
    assert client.session.closed


def test_a_transaction_happens_at_its_commit(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe() >> Frame("BEGIN", {"transaction": "t"}) >> send(b"x", transaction="t")
    assert client.frames() == []
    client >> Frame("COMMIT", {"transaction": "t", "receipt": "1"})
    assert sorted(frame.command for frame in client.frames()) == ["MESSAGE", "RECEIPT"]


def test_an_aborted_transaction_leaves_nothing(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe(ack="client") >> send(b"x")
    message = client.only()
    client >> Frame("BEGIN", {"transaction": "t"}) >> send(b"y", transaction="t")
    client >> Frame("ACK", {"id": message.headers["ack"], "transaction": "t"})
    client >> Frame("ABORT", {"transaction": "t"})
    assert client.frames() == []
    client >> Frame("ACK", {"id": message.headers["ack"], "receipt": "1"})
    assert client.only() == Frame("RECEIPT", {"receipt-id": "1"})


def test_wrong_passwords_are_told_so(room: StompRoom) -> None:
    client = room.stomp_dialog()
    error = client.connect(login="guest", passcode="wrong")
    assert error.headers["message"] == "Bad CONNECT"
    assert error.body == b"Access refused for user 'guest'"
    room.let_pass(3)
    assert client.session.closed
