"""AMQP clients that go on while the server dies and returns, and note everything they see."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from typing_extensions import override

from tests.differential.amqp.client import HEADER, Client, Closed, Received

BURST = 20
WAITING_MAX = 400
PREFETCH = 60
RETRY_SECONDS = 0.02
ANSWER_SECONDS = 60.0
PERSISTENT = b"\x10\x00\x02"
GONE = (OSError, Closed, TimeoutError, AssertionError)


def connect(port: int) -> Client:
    """A connection with channel 1; one of GONE when there is no server just now."""
    client = Client(port)
    try:
        _log_in(client)
        open_channel(client)
    except BaseException:
        client.abort()
        raise
    return client


def _log_in(client: Client) -> None:
    client.send(HEADER)
    start_ok = {"client_properties": {}, "mechanism": "PLAIN", "response": "\0guest\0guest"}
    client.reply(0, {"connection.start"})
    client.method(0, "connection.start-ok", **start_ok, locale="en_US")
    client.reply(0, {"connection.tune"})
    client.method(0, "connection.tune-ok", channel_max=2047, frame_max=131072, heartbeat=0)
    client.method(0, "connection.open", virtual_host="/")
    client.reply(0, {"connection.open-ok"})


def open_channel(client: Client) -> None:
    """Channel 1."""
    client.method(1, "channel.open")
    assert client.reply(1, {"channel.open-ok"}).name == "channel.open-ok"


def close_channel(client: Client) -> None:
    """When this is answered, what was acknowledged on the channel stays so."""
    client.method(1, "channel.close", reply_code=200)
    assert client.reply(1, {"channel.close-ok"}).name == "channel.close-ok"
    client.forget(1)  # what it prefetched goes to the next


class Clients(threading.Thread):
    """Does its round again and again until told to stop; connects anew when the server was gone."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name=name, daemon=True)
        self._port = port
        self._stopping = threading.Event()
        self._progress = threading.Condition()
        self._done = 0
        self.bug: BaseException | None = None

    @override
    def run(self) -> None:
        """The thread."""
        try:
            while not self._stopping.is_set():
                client = None
                try:
                    client = connect(self._port)
                    self.round(client)
                except GONE:
                    time.sleep(RETRY_SECONDS)
                finally:
                    if client is not None:
                        client.abort()
        except BaseException as bug:
            self.bug = bug

    def round(self, client: Client) -> None:
        """What it does with a connection."""
        raise NotImplementedError

    def stop(self) -> None:
        """No more."""
        self._stopping.set()
        self.join(ANSWER_SECONDS)
        assert not self.is_alive(), self.name
        assert self.bug is None, self.bug

    def progressed(self, count: int) -> None:
        """So many more."""
        with self._progress:
            self._done += count
            self._progress.notify_all()

    def wait_for(self, count: int) -> None:
        """Until so many more are done."""
        with self._progress:
            wanted = self._done + count
            came = self._progress.wait_for(lambda: self._done >= wanted, ANSWER_SECONDS)
        assert came, f"{self.name}: nothing for {ANSWER_SECONDS} s; {self.bug}"


class Publisher(Clients):
    """Publishes numbers, persistent, with confirms. Nothing is sent twice."""

    def __init__(self, name: str, port: int, queue: str) -> None:
        super().__init__(name, port)
        self._queue = queue
        self._next = 0
        self.confirmed: set[int] = set()
        self.refused: set[int] = set()

    @property
    def sent(self) -> int:
        """All below may be there."""
        return self._next

    @override
    def round(self, client: Client) -> None:
        """Until the server goes."""
        client.method(1, "confirm.select")
        client.reply(1, {"confirm.select-ok"})
        waiting: dict[int, int] = {}
        tag = 0
        while not self._stopping.is_set() or waiting:
            while len(waiting) < WAITING_MAX and not self._stopping.is_set():
                for _ in range(BURST):
                    tag += 1
                    waiting[tag] = self._next
                    self._publish(client, self._next)
                    self._next += 1
            self._settle(client.reply(1, {"basic.ack", "basic.nack"}), waiting)

    def _publish(self, client: Client, number: int) -> None:
        body = f"{self.name}:{number}".encode()
        client.publish(1, {"exchange": "", "routing_key": self._queue}, PERSISTENT, body)

    def _settle(self, answer: Received, waiting: dict[int, int]) -> None:
        assert answer.name in ("basic.ack", "basic.nack"), answer
        tag = answer.arguments["delivery_tag"]
        tags = [t for t in waiting if t <= tag] if answer.arguments["multiple"] else [tag]
        numbers = {waiting.pop(each) for each in tags}
        (self.confirmed if answer.name == "basic.ack" else self.refused).update(numbers)
        self.progressed(len(numbers))


class Worker(Clients):
    """Takes messages, acknowledges most, and closes its channel to be sure that this is kept."""

    def __init__(self, name: str, port: int, queue: str, skip: Callable[[], bool]) -> None:
        super().__init__(name, port)
        self._queue = queue
        self._skip = skip  # does it leave this one, for the next?
        self.acknowledged: list[bytes] = []  # surely: the channel was closed after it
        self.perhaps: list[bytes] = []  # the server died before it could say so

    @override
    def round(self, client: Client) -> None:
        """Some messages on a channel of their own, again and again."""
        while not self._stopping.is_set():
            taken = self._take(client)
            self.perhaps += taken
            close_channel(client)
            self.acknowledged += taken
            self.progressed(len(taken))
            open_channel(client)

    def _take(self, client: Client) -> list[bytes]:
        client.method(1, "basic.qos", prefetch_count=PREFETCH)
        client.reply(1, {"basic.qos-ok"})
        client.method(1, "basic.consume", queue=self._queue, consumer_tag="c")
        client.reply(1, {"basic.consume-ok"})
        taken = []
        for _ in range(PREFETCH):
            with suppress(TimeoutError):
                delivery = client.next(1, timeout=0.2)
                assert delivery.name == "basic.deliver", delivery
                if not self._skip():
                    tag = delivery.arguments["delivery_tag"]
                    client.method(1, "basic.ack", delivery_tag=tag)
                    taken.append(delivery.body)
                continue
            break
        return taken


def drain(port: int, queue: str) -> list[bytes]:
    """Everything that is left, in its order."""
    client = connect(port)
    bodies: list[bytes] = []
    while True:
        client.method(1, "basic.get", queue=queue, no_ack=True)
        got = client.reply(1, {"basic.get-ok", "basic.get-empty"})
        if got.name == "basic.get-empty":
            client.abort()
            return bodies
        bodies.append(got.body)
