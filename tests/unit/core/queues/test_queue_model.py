"""Queues against a model: nothing is lost, nothing comes twice, and the order holds.

Restarts included. Whatever happens, each message is where the model says: waiting, out or done.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.core.queues.queue_world import QueueWorld, Reader

from anymq.core.queues.delivery import Delivery

priorities = st.one_of(st.none(), st.integers(0, 12))


class QueueMachine(RuleBasedStateMachine):
    """One queue with priorities and dead letters, some consumers."""

    def __init__(self) -> None:
        super().__init__()
        self.world = QueueWorld()
        self.readers: list[Reader] = []
        self.waiting: set[str] = set()
        self.out: dict[str, tuple[Reader, Delivery]] = {}
        self.dead: set[str] = set()
        self.level: dict[str, int] = {}
        self.count = 0

    @initialize(kind=st.sampled_from(["classic", "quorum"]))
    def declare(self, kind: str) -> None:
        arguments = {"x_max_priority": 9} if kind == "classic" else {"x_delivery_limit": -1}
        self.default = 0 if kind == "classic" else 4
        self.world.queue("q", kind, x_dead_letter_exchange="dlx", **arguments)
        self.world.queue("graves")
        self.world.bound["dlx"] = ["graves"]

    @property
    def queue(self):  # type: ignore[no-untyped-def]
        return self.world.queues["q"]

    def gather(self) -> None:
        """Note who got what."""
        for reader in self.readers:
            for delivery in reader.got:
                body = delivery.message.body.decode()
                assert body in self.waiting, f"{body} came though nobody should have it"
                self.waiting.remove(body)
                assert reader.subscription is not None
                if not reader.subscription.no_ack:
                    self.out[body] = reader, delivery
            levels = [self.level[one.message.body.decode()] for one in reader.got]
            if len(self.readers) == 1:
                assert levels == sorted(levels, reverse=True)
            reader.got.clear()

    @rule(count=st.integers(1, 4), priority=priorities, persistent=st.booleans())
    def publish(self, count: int, priority: int | None, persistent: bool) -> None:
        bodies = [f"{self.count + i:06}" for i in range(count)]
        self.count += count
        level = self.default if priority is None else min(priority, 9 if not self.default else 31)
        self.level.update(dict.fromkeys(bodies, level))
        self.waiting.update(bodies)
        mode = 2 if persistent else 1
        self.world.publish(self.queue, *bodies, priority=priority, delivery_mode=mode)
        self.gather()

    @precondition(lambda self: len(self.readers) < 3)
    @rule(credit=st.integers(1, 6), no_ack=st.booleans(), priority=st.integers(0, 1))
    def subscribe(self, credit: int, no_ack: bool, priority: int) -> None:
        arguments = {"x-priority": priority}
        reader = self.world.read(self.queue, credit, no_ack=no_ack, arguments=arguments)
        self.readers.append(reader)
        self.gather()

    @precondition(lambda self: self.readers)
    @rule(data=st.data(), gone=st.booleans())
    def leave(self, data: st.DataObject, gone: bool) -> None:
        """A consumer is cancelled; or its channel ends, and gives back what it has."""
        reader = self.readers.pop(data.draw(st.integers(0, len(self.readers) - 1)))
        assert reader.subscription is not None
        self.queue.unsubscribe(reader.subscription)
        its = [one for one, _ in self.out.values()]
        if gone or reader not in its:
            positions = [d.position for one, d in self.out.values() if one is reader]
            back = {body for body, (one, _) in self.out.items() if one is reader}
            self.queue.give_back(reader.subscription, positions)
            self.out = {body: it for body, it in self.out.items() if body not in back}
            self.waiting |= back
        self.world.turn.run()
        self.gather()

    @precondition(lambda self: self.out)
    @rule(data=st.data(), what=st.sampled_from(["settle", "reject", "requeue", "nack"]))
    def answer(self, data: st.DataObject, what: str) -> None:
        bodies = data.draw(st.sets(st.sampled_from(sorted(self.out)), min_size=1, max_size=4))
        for body in bodies:
            reader, delivery = self.out.pop(body)
            if what == "settle":
                self.world.settle(reader, delivery)
            elif what == "reject":
                self.dead.add(body)
                self.world.reject(reader, delivery)
            else:
                self.waiting.add(body)
                self.world.reject(reader, delivery, requeue=True, by_nack=what == "nack")
            self.gather()

    @rule()
    def get(self) -> None:
        body = self.world.get(self.queue)
        self.gather()
        if body is not None:
            assert body in self.waiting
            assert self.level[body] == max(self.level[one] for one in self.waiting)
            self.waiting.remove(body)
        else:
            assert not self.waiting

    @rule()
    def purge(self) -> None:
        assert self.queue.purge() == len(self.waiting)
        self.waiting.clear()

    @rule()
    def disk(self) -> None:
        self.world.settle_disk()
        self.gather()

    @rule()
    def restart(self) -> None:
        """What is transient may be gone; nobody asks for it here, so it is taken away before."""
        for reader in self.readers:
            reader.limit = 0
        self.readers.clear()
        self.queue.purge()
        self.waiting.clear()
        self.world.restart()
        self.out.clear()
        self.world.queues["q"].purge()
        self.dead &= set(self.graves())

    def graves(self) -> list[str]:
        graves = self.world.queues["graves"]
        return [one.message.body.decode() for one in graves.browse(0, 10_000)]

    @invariant()
    def everything_is_somewhere(self) -> None:
        if "q" in self.world.queues:
            assert (self.queue.ready, self.queue.unacked) == (len(self.waiting), len(self.out))
            assert set(self.graves()) == self.dead
            held = sum(r.subscription.unacked for r in self.readers if r.subscription)
            assert held <= len(self.out)


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestQueueModel = QueueMachine.TestCase
