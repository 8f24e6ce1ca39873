"""What is said to RabbitMQ and to us: frames of one or two clients, dialogue by dialogue."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Said(NamedTuple):
    """A client says a frame. `@1` in a header stands for the id of its first message, and so on."""

    client: str
    command: str
    headers: Mapping[str, str] = {}
    body: bytes = b""


Dialogue = Sequence[Said]


def connect(client: str = "a", version: str = "1.2", **headers: str) -> Said:
    """Who comes in."""
    said = {"login": "guest", "passcode": "guest", "host": "/", "accept-version": version}
    return Said(client, "CONNECT", said | _named(headers))


def say(command: str, client: str = "a", body: bytes = b"", **headers: str) -> Said:
    """A frame. In names of headers, a hyphen is an underscore."""
    return Said(client, command, _named(headers), body)


def send(destination: str, body: bytes = b"hello", client: str = "a", **headers: str) -> Said:
    """SEND."""
    return Said(client, "SEND", {"destination": destination, **_named(headers)}, body)


def subscribe(destination: str, id_: str = "1", client: str = "a", **headers: str) -> Said:
    """SUBSCRIBE."""
    return Said(client, "SUBSCRIBE", {"id": id_, "destination": destination, **_named(headers)})


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.rstrip("_").replace("_", "-"): value for name, value in headers.items()}


PROPERTIES = {
    "content_type": "text/plain",
    "content_encoding": "utf-8",
    "persistent": "true",
    "priority": "5",
    "correlation_id": "c",
    "expiration": "600000",
    "amqp_message_id": "m",
    "timestamp": "1700000000",
    "type": "t",
    "app_id": "p",
    "color": "blue",
    "odd": "a:b\\c\nd",
}

DIALOGUES: dict[str, Dialogue] = {
    "1.0": [connect(version="1.0"), say("DISCONNECT", receipt="r")],
    "1.1": [connect(version="1.1"), say("DISCONNECT", receipt="r")],
    "1.2": [connect(version="1.2"), say("DISCONNECT", receipt="r")],
    "the best of versions": [connect(version="1.0,1.2,2.0")],
    "no version that both speak": [connect(version="9.9")],
    "a wrong password": [connect(passcode="wrong")],
    "a virtual host that is not there": [connect(host="nowhere.example")],
    "heart-beats": [connect(heart_beat="1500,2500")],
    "a frame before CONNECT": [send("/queue/d-before")],
    "a queue": [
        connect(),
        subscribe("/queue/d-queue"),
        send("/queue/d-queue", receipt="r"),
    ],
    "properties": [
        connect(),
        subscribe("/queue/d-properties"),
        send("/queue/d-properties", b"hello", "a", **PROPERTIES),
    ],
    "properties for 1.1": [
        connect(version="1.1"),
        subscribe("/queue/d-properties-11"),
        send("/queue/d-properties-11", b"hello", "a", **PROPERTIES),
    ],
    "numbers that are none": [
        connect(),
        subscribe("/queue/d-numbers"),
        send("/queue/d-numbers", priority="high", timestamp="now", persistent="maybe"),
    ],
    "an expiration that is none": [connect(), send("/queue/d-expiration", expiration="soon")],
    "the name of somebody else": [connect(), send("/queue/d-user", user_id="ada")],
    "a subscription without an id": [
        connect(version="1.0"),
        Said("a", "SUBSCRIBE", {"destination": "/queue/d-no-id"}),
        send("/queue/d-no-id"),
        say("UNSUBSCRIBE", destination="/queue/d-no-id", receipt="u"),
    ],
    "a topic": [
        connect(),
        subscribe("/topic/d.*.x"),
        send("/topic/d.topic.x"),
        send("/topic/d.topic.y", receipt="r"),
    ],
    "an exchange": [
        connect(),
        subscribe("/exchange/amq.direct/d%2Fkey"),
        send("/exchange/amq.direct/d%2Fkey"),
    ],
    "an exchange without a key": [
        connect(),
        subscribe("/exchange/amq.fanout"),
        send("/exchange/amq.fanout"),
    ],
    "an exchange that is not there": [connect(), send("/exchange/d-none/k")],
    "to subscribe to an exchange that is not there": [connect(), subscribe("/exchange/d-none/k")],
    "a queue that must be there": [connect(), subscribe("/amq/queue/d-must")],
    "destinations that are none": [
        connect(),
        send("/queue/a/b"),
        send("/queue"),
        send("/topic/"),
        send("/exchange//k"),
        send("/exchange/a/b/c"),
        send(""),
        send("/somewhere/else"),
        say("SEND"),
        say("SUBSCRIBE"),
        subscribe("/queue/"),
    ],
    "commands that are none": [connect(), say("PUBLISH", destination="/queue/x")],
    "acknowledged one by one": [
        connect(),
        subscribe("/queue/d-one", ack="client-individual"),
        send("/queue/d-one", b"1"),
        send("/queue/d-one", b"2"),
        say("ACK", id="@2", receipt="r"),
        say("NACK", id="@1"),
    ],
    "acknowledged twice": [
        connect(),
        subscribe("/queue/d-twice", ack="client"),
        send("/queue/d-twice"),
        say("ACK", id="@1"),
        say("ACK", id="@1"),
    ],
    "acknowledged without an id": [
        connect(),
        say("ACK", message_id="T_1@@x@@0"),
        say("NACK", id="nonsense"),
    ],
    "all up to one": [
        connect(version="1.1"),
        subscribe("/queue/d-all", ack="client"),
        send("/queue/d-all", b"1"),
        send("/queue/d-all", b"2"),
        send("/queue/d-all", b"3"),
        say("ACK", message_id="@2", subscription="1", receipt="r"),
        say("NACK", message_id="@3", subscription="1"),
    ],
    "redelivered": [
        connect(),
        connect("b"),
        subscribe("/queue/d-again", ack="client"),
        send("/queue/d-again"),
        say("DISCONNECT"),
        subscribe("/queue/d-again", client="b"),
    ],
    "prefetch": [
        connect(),
        subscribe("/queue/d-prefetch", ack="client-individual", prefetch_count="1"),
        send("/queue/d-prefetch", b"1"),
        send("/queue/d-prefetch", b"2"),
        say("ACK", id="@1"),
    ],
    "a transaction": [
        connect(),
        subscribe("/queue/d-tx", ack="client"),
        send("/queue/d-tx", b"before"),
        say("BEGIN", transaction="t", receipt="b"),
        send("/queue/d-tx", b"within", transaction="t"),
        say("ACK", id="@1", transaction="t"),
        say("COMMIT", transaction="t", receipt="c"),
    ],
    "a transaction that is given up": [
        connect(),
        subscribe("/queue/d-abort"),
        say("BEGIN", transaction="t"),
        send("/queue/d-abort", transaction="t"),
        say("ABORT", transaction="t", receipt="a"),
    ],
    "transactions that are none": [
        connect(),
        say("COMMIT", transaction="t"),
        say("ABORT"),
        say("BEGIN"),
        send("/queue/d-no-tx", transaction="t"),
    ],
    "durable without an id": [
        connect(),
        Said("a", "SUBSCRIBE", {"destination": "/topic/d-durable", "durable": "true"}),
        say("UNSUBSCRIBE", durable="true"),
    ],
    "a durable subscription": [
        connect(),
        subscribe("/topic/d.durable", "me", durable="true", auto_delete="false"),
        say("UNSUBSCRIBE", id="me"),
        send("/topic/d.durable", b"missed"),
        subscribe("/topic/d.durable", "me", durable="true", auto_delete="false"),
        say("UNSUBSCRIBE", id="me", durable="true", receipt="gone"),
    ],
    "the name of a durable subscription's queue": [
        connect(),
        subscribe("/topic/d.named", "me", durable="true", auto_delete="false"),
        subscribe("/amq/queue/stomp-subscription-YSS4r0hEaLIGM1PwTq_Mgg", "there"),
        say("UNSUBSCRIBE", id="me", durable="true", receipt="r"),
    ],
    "its name when its id is not ASCII": [
        connect(),
        subscribe("/topic/d.named", "mé", durable="true", auto_delete="false"),
        subscribe("/amq/queue/stomp-subscription-FoUXZcZf4uUMpKQyEGeuYA", "there"),
        say("UNSUBSCRIBE", id="mé", durable="true", receipt="r"),
    ],
    "an end of what was not begun": [
        connect(),
        say("UNSUBSCRIBE", id="1"),
        say("UNSUBSCRIBE"),
        say("UNSUBSCRIBE", id="/temp-queue/x"),
    ],
    "twice the same subscription": [
        connect(),
        subscribe("/queue/d-same"),
        subscribe("/queue/d-same-2"),
    ],
    "message-id on SEND": [connect(), send("/queue/d-id", message_id="x")],
    "answers": [
        connect(),
        connect("b"),
        subscribe("/queue/d-service", client="b"),
        send("/queue/d-service", b"?", reply_to="/temp-queue/me", correlation_id="7"),
    ],
    "answers to a queue": [
        connect(),
        subscribe("/queue/d-asked"),
        send("/queue/d-asked", b"?", reply_to="/queue/d-answers"),
        send("/queue/d-asked", b"?", reply_to="/reply-queue/d/x"),
    ],
    "to a temporary queue": [connect(), send("/temp-queue/x"), subscribe("/temp-queue/x")],
    "an empty body, and none": [
        connect(),
        subscribe("/queue/d-empty"),
        send("/queue/d-empty", b""),
    ],
    "arguments that make no sense": [
        connect(),
        subscribe("/queue/d-arguments", x_queue_type="nonsense"),
    ],
    "CONNECT again": [connect(), connect()],
}
