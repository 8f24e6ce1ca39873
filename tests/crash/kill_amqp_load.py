"""AMQP clients that go on while the server dies and returns, and note everything they see."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random

from typing_extensions import override

from tests.crash.worker import Load, Worker
from tests.differential.amqp.client import HEADER, Client, Received

BURST = 20
WAITING_MAX = 400
PREFETCH = 60
QUEUES = ("orders", "payments")
PERSISTENT = b"\x10\x00\x02"


class Link(Client):
    """A connection with channel 1."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        try:
            _log_in(self)
            open_channel(self)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        self.abort()


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


class Publisher(Worker[Link]):
    """Publishes numbers, persistent, with confirms. Nothing is sent twice."""

    def __init__(self, name: str, port: int, queue: str) -> None:
        super().__init__(name, partial(Link, port))
        self._queue = queue
        self._next = 0
        self.confirmed: set[int] = set()
        self.refused: set[int] = set()

    @property
    def sent(self) -> int:
        """All below may be there."""
        return self._next

    @override
    def round(self, client: Link) -> None:
        """Until the server goes."""
        client.method(1, "confirm.select")
        client.reply(1, {"confirm.select-ok"})
        waiting: dict[int, int] = {}
        tag = 0
        while not self.stopping.is_set() or waiting:
            while len(waiting) < WAITING_MAX and not self.stopping.is_set():
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


class Taker(Worker[Link]):
    """Takes messages, acknowledges most, and closes its channel to be sure that this is kept."""

    def __init__(self, name: str, port: int, queue: str, skip: Callable[[], bool]) -> None:
        super().__init__(name, partial(Link, port))
        self._queue = queue
        self._skip = skip  # does it leave this one, for the next?
        self.acknowledged: list[bytes] = []  # surely: the channel was closed after it
        self.perhaps: list[bytes] = []  # the server died before it could say so

    @override
    def round(self, client: Link) -> None:
        """Some messages on a channel of their own, again and again."""
        while not self.stopping.is_set():
            taken = self._take(client)
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
                    self.perhaps.append(delivery.body)  # before it is said: who dies then knows
                    client.method(1, "basic.ack", delivery_tag=tag)
                    taken.append(delivery.body)
                continue
            break
        return taken


class AmqpLoad(Load):
    """Confirms and acknowledgements under way at two queues."""

    ration = 400

    def __init__(self, port: int, chance: Random) -> None:
        self._port = port
        client = Link(port)
        for queue in QUEUES:
            client.method(1, "queue.declare", queue=queue, durable=True)
            client.reply(1, {"queue.declare-ok"})
        client.close()
        skip = Random(chance.random())
        self.publishers: Sequence[Publisher] = [Publisher(f"to-{q}", port, q) for q in QUEUES]
        self.consumers: Sequence[Taker] = [
            Taker(f"of-{queue}", port, queue, lambda: skip.random() < 0.05) for queue in QUEUES
        ]

    @override
    def judge(self, *, settled_stays: bool) -> str:
        return "; ".join(
            f"{queue}: {_judged(publisher, taker, drain(self._port, queue), settled_stays)}"
            for publisher, taker, queue in zip(self.publishers, self.consumers, QUEUES, strict=True)
        )


def _judged(publisher: Publisher, taker: Taker, left: list[bytes], settled_stays: bool) -> str:
    """What must hold of one queue."""
    numbers = [int(body.rpartition(b":")[2]) for body in left]
    sure = Counter(int(body.rpartition(b":")[2]) for body in taker.acknowledged)
    perhaps = {int(body.rpartition(b":")[2]) for body in taker.perhaps}
    assert not publisher.refused
    assert numbers == sorted(set(numbers)), "out of order, or twice"
    assert all(number < publisher.sent for number in (*numbers, *sure)), "never sent"
    lost = publisher.confirmed - set(numbers) - perhaps
    assert not lost, f"lost {sorted(lost)[:10]}"
    back = sure.keys() & set(numbers)
    assert not back or not settled_stays, f"came back {sorted(back)[:10]}"
    again = [number for number, times in sure.items() if times > 1]
    assert not again or not settled_stays, f"acknowledged, and came again {again[:10]}"
    return (
        f"confirmed {len(publisher.confirmed)} of {publisher.sent},"
        f" acknowledged {len(taker.acknowledged)}, left {len(left)}"
    )


def drain(port: int, queue: str) -> list[bytes]:
    """Everything that is left, in its order."""
    client = Link(port)
    bodies: list[bytes] = []
    while True:
        client.method(1, "basic.get", queue=queue, no_ack=True)
        got = client.reply(1, {"basic.get-ok", "basic.get-empty"})
        if got.name == "basic.get-empty":
            client.close()
            return bodies
        bodies.append(got.body)
