"""SUBSCRIBE with a selector: queues and topics send only what meets it."""

import pytest

from anymq.protocols.stomp.codec import Frame
from anymq.testing.stomp import StompDialog, StompRoom


@pytest.fixture
def room() -> StompRoom:
    return StompRoom()


def subscribe(id_: str, destination: str, selector: str, **more: str) -> Frame:
    headers = {"id": id_, "destination": destination, "selector": selector}
    return Frame("SUBSCRIBE", headers | {name.replace("_", "-"): it for name, it in more.items()})


def send(client: StompDialog, destination: str, *colors: str, **more: str) -> None:
    for color in colors:
        client >> Frame(
            "SEND", {"destination": destination, "color": color, **more}, color.encode()
        )


def got(client: StompDialog) -> list[tuple[str, str]]:
    frames = client.frames()
    assert {frame.command for frame in frames} <= {"MESSAGE"}, frames
    return [(frame.headers["subscription"], frame.body.decode()) for frame in frames]


def test_consumers_of_a_queue_share_by_what_they_want(room: StompRoom) -> None:
    client, writer = room.connect(), room.connect()
    client >> subscribe("r", "/queue/q", "color = 'red'")
    client >> subscribe("b", "/queue/q", "color LIKE 'bl%'")
    send(writer, "/queue/q", "red", "blue", "green", "red")
    assert got(client) == [("r", "red"), ("b", "blue"), ("r", "red")]
    assert room.broker.vhosts["/"].queues["q"].ready == 1


def test_of_a_topic_nothing_else_is_kept(room: StompRoom) -> None:
    client, writer = room.connect(), room.connect()
    client >> subscribe("r", "/topic/a", "color = 'red'", ack="client")
    send(writer, "/topic/a", "blue", "red", "green")
    assert got(client) == [("r", "red")]
    (queue,) = room.broker.vhosts["/"].queues.values()
    assert (queue.ready, queue.unacked) == (0, 1)


def test_a_durable_subscription_keeps_its_selector(room: StompRoom) -> None:
    lasting = {"durable": "true", "auto_delete": "false"}
    client, writer = room.connect(), room.connect()
    client >> subscribe("r", "/topic/a", "color = 'red'", **lasting)
    client.hang_up()
    send(writer, "/topic/a", "blue", "red", persistent="true")
    again = room.connect()
    again >> subscribe("r", "/topic/a", "color = 'red'", **lasting)
    assert got(again) == [("r", "red")]
    other = room.connect()
    other >> subscribe("r", "/topic/a", "color = 'blue'", **lasting)
    assert b"has another selector" in other.only().body


def test_numbers_in_texts_are_numbers_where_that_is_said(room: StompRoom) -> None:
    client = room.connect()
    client >> subscribe("n", "/queue/q", "convert_string_expressions:age > 17 AND JMSPriority = 7")
    for age, priority in (("18", "7"), ("9", "7"), ("18", "6")):
        headers = {"destination": "/queue/q", "age": age, "priority": priority}
        client >> Frame("SEND", headers, age.encode())
    assert got(client) == [("n", "18")]


@pytest.mark.parametrize("destination", ["/queue/q", "/topic/a"])
def test_what_is_no_selector_is_told(room: StompRoom, destination: str) -> None:
    client = room.connect()
    client >> subscribe("1", destination, "color =")
    error = client.only()
    assert error.command == "ERROR"
    assert b"a selector does not go on with its end" in error.body
    assert not [name for name in room.broker.vhosts["/"].queues if name.startswith("stomp")]
