"""Queues over real lines on a disk in memory; the test decides time and disk."""

import pickle
from collections.abc import Mapping
from typing import Any

from tests.unit.core.world import TestClock

from anymq.core.message import Envelope, Form, Message, Properties, Run, Traits
from anymq.core.queues.deadletters import is_cycle, with_died
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.house import House
from anymq.core.queues.line import Line
from anymq.core.queues.lines import Lines
from anymq.core.queues.queue import Queue
from anymq.core.queues.queue_settings import settings_of
from anymq.core.queues.subscription import Subscription
from anymq.core.queues.turn import Turn
from anymq.core.queues.unwritten import Then
from anymq.core.steady import Steady
from anymq.core.taps import Origin
from anymq.core.timers import Timers
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles


class PickleForm:
    """Properties as any protocol might write them."""

    number = 9

    def traits(self, properties: bytes) -> Traits:
        said = self.read(properties)
        return Traits(
            persistent=said.delivery_mode == 2,
            priority=said.priority,
            expiration_ms=None if said.expiration is None else int(said.expiration),
            has_headers=bool(said.headers),
        )

    def read(self, properties: bytes) -> Properties:
        said = pickle.loads(properties) if properties else Properties()
        assert isinstance(said, Properties)
        return said

    def write(self, properties: Properties) -> bytes:
        return pickle.dumps(properties)


FORM: Form = PickleForm()


class Reader:
    """A consumer that remembers what it got, and has as much credit as the test gives it."""

    def __init__(self, credit: int = 1000) -> None:
        self.limit = credit
        self.got: list[Delivery] = []
        self.out = 0
        self.gone = False
        self.too_slow = 0
        self.subscription: Subscription | None = None
        self.shares_with: tuple[Reader, ...] = (self,)

    @property
    def credit(self) -> int:
        return self.limit - sum(one.out for one in self.shares_with)

    @property
    def shares(self) -> object | None:
        return self.shares_with if len(self.shares_with) > 1 else None

    @property
    def who(self) -> Origin:
        return Origin("test", "reader", 1, "ann")

    def deliver(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        self.got += deliveries
        if not subscription.no_ack:
            self.out += len(deliveries)

    def cancelled(self, subscription: Subscription) -> None:
        self.gone = True

    def timed_out(self, subscription: Subscription, after_ms: int) -> None:
        self.too_slow = after_ms

    # For tests

    @property
    def bodies(self) -> list[str]:
        return [one.message.body.decode() for one in self.got]

    def take(self) -> list[str]:
        """Return what it got since it was last asked."""
        bodies = self.bodies
        self.got.clear()
        return bodies

    def returned(self, count: int) -> None:
        self.out -= count
        assert self.subscription is not None
        self.subscription.more()


class QueueWorld:
    """Queues, and who publishes to them and reads them."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.files = SimFiles()
        self.timers = Timers()
        self.queues: dict[str, Queue] = {}
        self.bound: dict[str, list[str]] = {}
        self.discarded: list[str] = []
        self.log_ids: dict[str, dict[int, int]] = {}
        self.declared: dict[str, dict[str, Any]] = {}
        self.start()

    def start(self) -> None:
        self.store = LogStore.open(self.files, disk_free_min=0)
        self.lines = Lines(self.store, with_died([FORM]))
        self.turn = Turn(finish=self.lines.flush)
        self.steady = Steady(self.clock, self.timers)
        self.house = House(
            turn=self.turn,
            steady=self.steady,
            republish=lambda *letter: self.republish(*letter),
            new_line=self.new_line,
            keep_levels=lambda _, then: self.keep_levels(then),
            discard=self.discard,
        )

    # Queues

    def queue(self, name: str = "q", kind: str = "classic", /, **arguments: Any) -> Queue:
        """Declare one; `x_max_length=3` is `x-max-length: 3`."""
        said = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.declared[name] = {"kind": kind, "arguments": said}
        ids = self.log_ids.setdefault(name, {settings_of(kind, {}).default_level: self._next_id()})
        queue = self.queues[name] = Queue(
            name,
            "/",
            self.house,
            kind=kind,
            durable=True,
            arguments=said,
            lines={level: self.lines.line(log_id) for level, log_id in ids.items()},
        )
        return queue

    def _next_id(self) -> int:
        return 16 + sum(len(ids) for ids in self.log_ids.values())

    def new_line(self, queue: Queue, level: int) -> Line:
        log_id = self.log_ids[queue.name][level] = self._next_id()
        return self.lines.line(log_id)

    def keep_levels(self, then: Then) -> None:
        """A test may put something in place of it that takes its time."""
        then(None)

    def discard(self, queue: Queue) -> None:
        self.discarded.append(queue.name)
        queue.close()

    def republish(self, exchange: str, routing_key: str, message: Message, then: Then) -> bool:
        names = [name for name in self.bound.get(exchange, []) if not is_cycle(name, message)]
        run = Run([message], persistent=message.traits.persistent)
        if not names:
            then(None)
        for name in names:
            self.queues[name].push(run, then if name is names[0] else None)
        return bool(names)

    # Messages

    def publish(self, queue: Queue, *bodies: str, then: Then | None = None, **said: Any) -> None:
        """Publish under the default exchange, as one run or as single ones."""
        run = self.run(queue.name, *bodies, **said)
        if queue.singles:
            for message in run.messages:
                queue.push(Run([message], persistent=run.persistent), then)
        else:
            queue.push(run, then)
        self.turn.run()

    def run(self, key: str, *bodies: str, exchange: str = "", **said: Any) -> Run:
        properties = FORM.write(Properties(**said)) if said else b""
        envelope, now_ms = Envelope(exchange, key, FORM), self.steady.now_ms()
        return Run(
            [Message(envelope, properties, body.encode(), now_ms) for body in bodies],
            persistent=said.get("delivery_mode") == 2,
        )

    def read(
        self,
        queue: Queue,
        credit: int = 1000,
        *,
        no_ack: bool = False,
        exclusive: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> Reader:
        reader = Reader(credit)
        reader.subscription = queue.subscribe(
            reader, tag="c", no_ack=no_ack, exclusive=exclusive, arguments=arguments
        )
        self.turn.run()
        return reader

    def settle(self, reader: Reader, *deliveries: Delivery) -> None:
        subscription = reader.subscription
        assert subscription is not None
        subscription.queue.settle(subscription, [one.position for one in deliveries])
        reader.returned(len(deliveries))
        self.turn.run()

    def reject(
        self, reader: Reader, *deliveries: Delivery, requeue: bool = False, by_nack: bool = False
    ) -> None:
        subscription = reader.subscription
        assert subscription is not None
        subscription.queue.reject(
            subscription,
            [one.position for one in deliveries],
            requeue=requeue,
            by_nack=by_nack,
        )
        reader.returned(len(deliveries))
        self.turn.run()

    def get(self, queue: Queue, *, no_ack: bool = True) -> str | None:
        """Return the next body; None: there is nothing."""
        answers: list[Delivery | None] = []
        queue.get(answers.append, no_ack=no_ack)
        self.turn.run()
        self.settle_disk()
        (answer,) = answers
        return None if answer is None else answer.message.body.decode()

    def drain(self, queue: Queue) -> list[str]:
        """Return the bodies of all that wait, taking them."""
        bodies = []
        while (body := self.get(queue)) is not None:
            bodies.append(body)
        return bodies

    # Time and disk

    def wait(self, ms: int) -> None:
        """Time passes; what is due happens."""
        end_ms = self.clock.now_ms + ms
        while (due := self.timers.next_due()) is not None and due * 1000 <= end_ms + 1:
            self.clock.now_ms = max(self.clock.now_ms, int(due * 1000))
            self.timers.run(self.clock.monotonic() + 0.001)
            self.turn.run()
        self.clock.now_ms = end_ms

    def restart(self, *, clean: bool = True) -> None:
        """Stop, or die, and start again, with the queues that there were."""
        self.settle_disk()
        if clean:
            self.lines.close()
            self.store.close()
        else:
            self.files = self.files.killed()
        self.timers = Timers()
        self.start()
        for name, said in self.declared.items():
            self.queue(name, said["kind"], **said["arguments"])

    def settle_disk(self) -> None:
        """The disk has done all it was asked."""
        while (commit := self.store.begin_commit()) is not None:
            commit.run()
            commit.done()
        self.turn.run()
