"""The dialogue language: what is said is written down, and so is every answer, field by field.

A dialogue is a function that is handed a `Talk`. It opens channels, says methods, takes what comes.
Its transcript, in which only chance is replaced (generated names, times), must be the same whoever
is asked.

    def a_queue_that_is_not_there(talk):
        channel = talk.channel()
        channel("queue.declare", queue="q", passive=True)

An answer is waited for by its name, so deliveries may come before it; they wait until the dialogue
takes them: only the order within what is taken counts.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tests.differential.amqp import methods
from tests.differential.amqp.client import ANSWER_SECONDS, HEADER, Client, Closed, Received
from tests.differential.amqp.fields import Typed, show
from tests.differential.amqp.methods import PROPERTIES

QUIET_SECONDS = 0.08  # how long nothing may come where a dialogue says so
END_SECONDS = 0.015  # and after its end
SHOWN_BODY_BYTES = 120
POLL_SECONDS = 0.002
PROBE = 900  # the number of a channel that no dialogue has
NO_PROPERTIES = b"\0\0"
CAPABILITIES = {
    "publisher_confirms": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}
OTHER_ANSWERS = {"basic.get": {"basic.get-ok", "basic.get-empty"}}
# What no two brokers, nor two runs, say alike.
CHANCE = (
    (re.compile(r"amq\.rabbitmq\.reply-to\.[^\"\s]{20,}"), "reply"),
    (re.compile(r"amq\.gen-[\w-]{22}"), "name"),
    (re.compile(r"amq\.ctag-[\w-]{22}"), "tag"),
    (re.compile(r"T:1[789]\d{8}\b"), "time"),
)


class Connection:
    """One connection of a dialogue; `number` is how the transcript calls it."""

    def __init__(self, talk: "Talk", number: int, client: Client) -> None:
        self.talk = talk
        self.number = number
        self.client = client
        self.channels = 0
        self.is_open = False

    def open(
        self,
        *,
        user: str = "guest",
        password: str = "guest",
        vhost: str = "/",
        capabilities: dict[str, bool] | None = None,
        frame_max: int = 131072,
        heartbeat: int = 0,
    ) -> "Connection":
        """Log in as everybody does; nothing of it is written down unless it is refused."""
        client = self.client
        client.send(HEADER)
        client.reply(0, {"connection.start"})
        client.method(
            0,
            "connection.start-ok",
            client_properties={
                "capabilities": CAPABILITIES if capabilities is None else capabilities
            },
            mechanism="PLAIN",
            response=f"\0{user}\0{password}",
            locale="en_US",
        )
        if self._expected({"connection.tune"}):
            client.frame_max = frame_max
            client.method(
                0, "connection.tune-ok", channel_max=2047, frame_max=frame_max, heartbeat=heartbeat
            )
            client.method(0, "connection.open", virtual_host=vhost)
            self.is_open = self._expected({"connection.open-ok"})
        return self

    def _expected(self, names: set[str]) -> bool:
        try:
            received = self.client.reply(0, names)
        except Closed:
            self.talk.write(f"{self.number} < (connection ended)")
            return False
        if received.name in names:
            return True
        self.talk.log_received(self, received)
        self.client.method(0, "connection.close-ok")
        return False

    def channel(self, number: int = 0) -> "Channel":
        """Open a channel, the next one unless a number is given."""
        self.channels = number or self.channels + 1
        channel = Channel(self, self.channels)
        self.client.method(self.channels, "channel.open")
        channel.await_reply({"channel.open-ok"}, silent=True)
        return channel

    def zero(self) -> "Channel":
        """Channel 0, for the methods of the connection itself."""
        return Channel(self, 0)

    def bytes(self, data: bytes, note: str = "") -> None:
        """Send these bytes as they are."""
        shown = data.hex(" ") if len(data) <= 64 else f"{data[:32].hex(' ')} ... {len(data)} bytes"
        self.talk.write(f"{self.number} > bytes {shown}{f'  ({note})' if note else ''}")
        self.client.send(data)

    def raw(self, size: int) -> None:
        """Note that many bytes of the answer as they are."""
        self.talk.write(f"{self.number} < bytes {self.client.raw(size).hex(' ')}")

    def ends(self) -> None:
        """Note whether the server ends the connection now."""
        ended = self.client.wait_for_end()
        self.talk.write(f"{self.number} < (connection {'ended' if ended else 'still open'})")

    def close(self) -> None:
        """A polite end; nothing is written down."""
        with contextlib.suppress(Closed, TimeoutError, OSError):
            if not self.is_open:
                raise Closed
            self.client.method(0, "connection.close", reply_code=200, reply_text="bye")
            self.client.reply(0, {"connection.close-ok"})
        self.client.abort()

    def abort(self) -> None:
        """Go without a word."""
        self.talk.write(f"{self.number} > (gone)")
        self.client.abort()
        self.talk.connections.remove(self)


class Channel:
    """One channel of a connection. Call it with a method's name to say that method."""

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.talk = connection.talk
        self.number = number
        self._confirmed: set[int] = set()

    def __call__(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Say a method; when it is one that is answered, wait for that and return its fields."""
        self.talk.log_sent(self, name, arguments)
        self.talk.remember(name, arguments)
        self.connection.client.method(self.number, name, **arguments)
        if not methods.METHODS[name].answered or arguments.get("nowait"):
            return {}
        received = self.await_reply(OTHER_ANSWERS.get(name, {f"{name}-ok"}))
        return received.arguments if received else {}

    def publish(
        self,
        body: str | bytes,
        routing_key: str = "",
        exchange: str = "",
        *,
        mandatory: bool = False,
        immediate: bool = False,
        **properties: Any,
    ) -> None:
        """basic.publish, with its message."""
        raw = body.encode() if isinstance(body, str) else body
        where: dict[str, Any] = {"exchange": exchange, "routing_key": routing_key}
        flags = {"mandatory": mandatory, "immediate": immediate}
        where |= {name: True for name, on in flags.items() if on}
        self.talk.log_sent(self, "basic.publish", where, properties, raw)
        encoded = methods.encode_properties(properties)
        self.connection.client.publish(self.number, where, encoded, raw)

    def take(self, count: int = 1, *, sort: bool = False) -> list[Received]:
        """The next `count` that come on this channel; `sort` where their order is chance."""
        found: list[Received] = []
        for _ in range(count):
            try:
                found.append(self.connection.client.next(self.number))
            except TimeoutError:
                self.talk.write(f"{self._name()} < (nothing)")
                break
            except Closed:
                self.talk.write(f"{self._name()} < (connection ended)")
                break
        for each in sorted(found, key=_line) if sort else found:
            self.talk.log_received(self.connection, each)
            self._answer_close(each)
        return found

    def confirms(self, count: int) -> None:
        """Wait until so many publishes are confirmed; how they were grouped is chance."""
        acked: set[int] = set()
        nacked: set[int] = set()
        while len(acked) + len(nacked) < count:
            try:
                each = self.connection.client.next(self.number)
            except (TimeoutError, Closed):
                break
            if each.name not in ("basic.ack", "basic.nack"):
                self.talk.log_received(self.connection, each)
                continue
            tag = each.arguments["delivery_tag"]
            tags = range(1, tag + 1) if each.arguments["multiple"] else range(tag, tag + 1)
            new = set(tags) - self._confirmed
            self._confirmed |= new
            (acked if each.name == "basic.ack" else nacked).update(new)
        self.talk.write(f"{self._name()} < (acked {sorted(acked)}, nacked {sorted(nacked)})")

    def count(self, queue: str, messages: int) -> None:
        """Ask until the queue has so many messages ready; note what it had in the end."""
        found: dict[str, Any] = {}
        client = self.connection.client
        for _ in attempts():
            client.method(self.number, "queue.declare", queue=queue, passive=True)
            found = client.reply(self.number, {"queue.declare-ok"}).arguments
            if found.get("message_count") == messages:
                break
        self.talk.write(f"{self._name()} < ({queue} has {found.get('message_count')} messages)")

    def gone(self, queue: str) -> None:
        """Publish to it until it comes back: to ask for the queue would count as using it."""
        client = self.connection.client
        client.method(PROBE, "channel.open")
        client.reply(PROBE, {"channel.open-ok"})
        where = {"routing_key": queue, "mandatory": True}
        came = "basic.qos-ok"
        for _ in attempts():
            client.publish(PROBE, where, NO_PROPERTIES, b"are you there?")
            client.method(PROBE, "basic.qos")
            came = client.reply(PROBE, {"basic.return", "basic.qos-ok"}).name
            if came == "basic.return":
                client.reply(PROBE, {"basic.qos-ok"})
                break
        client.method(PROBE, "channel.close")
        client.reply(PROBE, {"channel.close-ok"})
        there = "gone" if came == "basic.return" else "still there"
        self.talk.write(f"{self._name()} < ({queue} is {there})")

    def quiet(self) -> None:
        """Note that nothing comes, or what does."""
        try:
            received = self.connection.client.next(self.number, QUIET_SECONDS)
            self.talk.log_received(self.connection, received)
            self._answer_close(received)
        except TimeoutError:
            self.talk.write(f"{self._name()} < (quiet)")
        except Closed:
            self.talk.write(f"{self._name()} < (connection ended)")

    def await_reply(self, names: set[str], *, silent: bool = False) -> Received | None:
        """The answer, noted; a close is answered as it must be."""
        try:
            received = self.connection.client.reply(self.number, names)
        except TimeoutError:
            self.talk.write(f"{self._name()} < (no answer)")
            return None
        except Closed:
            self.talk.write(f"{self._name()} < (connection ended)")
            return None
        if not (silent and received.name in names):
            self.talk.log_received(self.connection, received)
        self._answer_close(received)
        return received

    def _answer_close(self, received: Received) -> None:
        if received.name in ("channel.close", "connection.close"):
            self.connection.client.method(received.channel, f"{received.name}-ok")

    def _name(self) -> str:
        return f"{self.connection.number}.{self.number}"


class Talk:
    """A dialogue with one broker, and its transcript."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lines: list[str] = []
        self.connections: list[Connection] = []
        self._opened = 0
        self._first: Connection | None = None
        self._chance: dict[str, str] = {}
        self._declared: list[tuple[str, str]] = []

    def connect(self) -> Connection:
        """A connection that has said nothing yet."""
        self._opened += 1
        connection = Connection(self, self._opened, Client(self.port))
        self.connections.append(connection)
        return connection

    def connection(self, **login: Any) -> Connection:
        """A connection that is logged in."""
        return self.connect().open(**login)

    def channel(self) -> Channel:
        """A channel on the first connection."""
        if self._first is None:
            self._first = self.connection()
        return self._first.channel()

    def transcript(self, dialogue: Callable[["Talk"], None]) -> list[str]:
        """Have the dialogue, leave the broker as it was, and return what was said."""
        try:
            dialogue(self)
            self._note_leftovers()
        except (TimeoutError, Closed) as error:
            self.write(f"({type(error).__name__})")
        finally:
            for connection in self.connections:
                connection.close()
            self._clean()
        return self.lines

    # --- writing down

    def write(self, line: str) -> None:
        """One line, without what chance decides."""
        for pattern, word in CHANCE:
            line = pattern.sub(partial(self._stand_in, word), line)
        self.lines.append(line)

    def log_sent(
        self,
        channel: Channel,
        name: str,
        arguments: dict[str, Any],
        properties: dict[str, Any] | None = None,
        body: bytes = b"",
    ) -> None:
        sent = Received(channel.number, name, arguments, properties, body)
        self.write(f"{channel.connection.number}.{_line(sent, '>')}")

    def log_received(self, connection: Connection, received: Received) -> None:
        self.write(f"{connection.number}.{_line(received)}")

    def _stand_in(self, word: str, match: "re.Match[str]") -> str:
        found = match[0]
        if word == "time":
            return "T:<time>"
        if found not in self._chance:
            count = sum(each.startswith(f"<{word}") for each in self._chance.values())
            self._chance[found] = f"<{word} {count + 1}>"
        return self._chance[found]

    def _note_leftovers(self) -> None:
        for connection in self.connections:
            for each in connection.client.drain(END_SECONDS):
                self.write(f"{connection.number}.{_line(each)}  (nobody asked for this)")

    # --- cleaning up

    def remember(self, name: str, arguments: dict[str, Any]) -> None:
        """What was declared will be deleted."""
        if name in ("queue.declare", "exchange.declare") and not arguments.get("passive"):
            kind = name.partition(".")[0]
            self._declared.append((kind, arguments.get(kind, "")))

    def _clean(self) -> None:
        if not self._declared:
            return
        client = Connection(self, 0, Client(self.port)).open().client
        for kind, name in dict.fromkeys(self._declared):
            if name and not name.startswith("amq."):
                _delete(client, kind, name)
        client.method(0, "connection.close")
        client.reply(0, {"connection.close-ok"})
        client.abort()


def _delete(client: Client, kind: str, name: str) -> None:
    """Again while it is locked: who had it exclusively has just left, and may not be gone yet."""
    for _ in attempts():
        client.method(1, "channel.open")
        client.reply(1, {"channel.open-ok"})
        client.method(1, f"{kind}.delete", **{kind: name})
        deleted = client.reply(1, {f"{kind}.delete-ok"}).name != "channel.close"
        client.method(1, "channel.close" if deleted else "channel.close-ok")
        if deleted:
            client.reply(1, {"channel.close-ok"})
            return


def attempts() -> Iterator[None]:
    """As long as one waits for an answer."""
    end = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < end:
        yield
        time.sleep(POLL_SECONDS)


def _line(received: Received, arrow: str = "<") -> str:
    words = [f"{received.channel} {arrow} {received.name}"]
    words += [f"{name}={_shown(value)}" for name, value in received.arguments.items()]
    if received.properties is not None:
        said = {
            name: received.properties[name] for name in PROPERTIES if name in received.properties
        }
        shown = ", ".join(f"{k}: {_shown(v)}" for k, v in said.items())
        words.append(f"| {{{shown}}} {_body(received.body)}")
    return " ".join(words)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return show(Typed("F", value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | bytes):
        return show(value if isinstance(value, str) else value.decode(errors="backslashreplace"))
    return str(value)


def _body(body: bytes) -> str:
    if len(body) <= SHOWN_BODY_BYTES:
        return show(body.decode(errors="backslashreplace"))
    return f"({len(body)} bytes, sha1 {hashlib.sha1(body).hexdigest()[:12]})"
