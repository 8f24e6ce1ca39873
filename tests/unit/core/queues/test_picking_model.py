"""Consumers with selectors against a model: each message to one who wants it, as long as any does.

Priorities, credit, requeues, restarts, and so little memory that much is only on the disk.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.core.queues.queue_world import QueueWorld, Reader

from anymq.core.queues.delivery import Delivery

COLORS = ("red", "blue", "green")


class PickingMachine(RuleBasedStateMachine):
    """One queue; consumers for some colors, or for all."""

    def __init__(self) -> None:
        super().__init__()
        self.world = QueueWorld()
        self.readers: dict[Reader, set[str]] = {}
        self.waiting: set[str] = set()
        self.out: dict[str, tuple[Reader, Delivery]] = {}
        self.color: dict[str, str] = {}
        self.level: dict[str, int] = {}
        self.count = 0

    @initialize(small=st.booleans())
    def declare(self, small: bool) -> None:
        self.world.queue("q", x_max_priority=2)
        if small:
            self.world.lines.memory.line_bytes = 1500

    @property
    def queue(self):  # type: ignore[no-untyped-def]
        return self.world.queues["q"]

    def gather(self) -> None:
        """Note who got what: only what he wants, and what he never had in its order."""
        for reader, wanted in self.readers.items():
            fresh: dict[int, list[str]] = {}
            for delivery in reader.got:
                body = delivery.message.body.decode()
                assert body in self.waiting, f"{body} came though nobody should have it"
                assert self.color[body] in wanted
                self.waiting.remove(body)
                self.out[body] = reader, delivery
                if not delivery.redelivered:
                    fresh.setdefault(self.level[body], []).append(body)
            assert all(bodies == sorted(bodies) for bodies in fresh.values())
            reader.got.clear()

    @rule(data=st.data(), count=st.integers(1, 12), priority=st.integers(0, 2))
    def publish(self, data: st.DataObject, count: int, priority: int) -> None:
        color = data.draw(st.sampled_from(COLORS))
        bodies = [f"{self.count + i:06}" for i in range(count)]
        self.count += count
        self.level.update(dict.fromkeys(bodies, priority))
        self.color.update(dict.fromkeys(bodies, color))
        self.waiting.update(bodies)
        self.world.publish(
            self.queue, *bodies, priority=priority, delivery_mode=2, headers={"color": color}
        )
        self.gather()

    @precondition(lambda self: len(self.readers) < 4)
    @rule(
        credit=st.integers(1, 6),
        priority=st.integers(0, 1),
        wanted=st.sets(st.sampled_from(COLORS), min_size=1),
    )
    def subscribe(self, credit: int, priority: int, wanted: set[str]) -> None:
        arguments: dict[str, object] = {"x-priority": priority}
        if len(wanted) < len(COLORS):
            colors = ", ".join(f"'{color}'" for color in sorted(wanted))
            arguments["x-selector"] = f"color IN ({colors})"
        reader = self.world.read(self.queue, credit, arguments=arguments)
        self.readers[reader] = wanted
        self.gather()

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A consumer is gone; what it has goes back."""
        reader = data.draw(st.sampled_from(list(self.readers)))
        del self.readers[reader]
        assert reader.subscription is not None
        self.queue.unsubscribe(reader.subscription)
        its = {body: it for body, (one, it) in self.out.items() if one is reader}
        self.queue.give_back(reader.subscription, [one.position for one in its.values()])
        self.waiting |= its.keys()
        self.out = {body: it for body, it in self.out.items() if body not in its}
        self.world.turn.run()
        self.gather()

    @precondition(lambda self: self.out)
    @rule(data=st.data(), what=st.sampled_from(["settle", "requeue"]))
    def answer(self, data: st.DataObject, what: str) -> None:
        bodies = data.draw(st.sets(st.sampled_from(sorted(self.out)), min_size=1, max_size=5))
        for body in bodies:
            reader, delivery = self.out.pop(body)
            if what == "settle":
                self.world.settle(reader, delivery)
            else:
                self.waiting.add(body)
                self.world.reject(reader, delivery, requeue=True)
            self.gather()

    @rule()
    def get(self) -> None:
        body = self.world.get(self.queue)
        self.gather()
        if body is not None:
            self.waiting.remove(body)

    @rule()
    def disk(self) -> None:
        self.world.settle_disk()
        self.gather()

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        """What was settled stays settled; the rest is there."""
        self.world.settle_disk()
        self.gather()
        self.readers.clear()
        self.world.restart(clean=clean)
        self.waiting |= self.out.keys()
        self.out.clear()

    @invariant()
    def everything_is_somewhere(self) -> None:
        if "q" in self.world.queues:
            assert (self.queue.ready, self.queue.unacked) == (len(self.waiting), len(self.out))

    @invariant()
    def nobody_waits_for_what_is_there(self) -> None:
        self.world.settle_disk()
        self.gather()
        there = {self.color[body] for body in self.waiting}
        for reader, wanted in self.readers.items():
            assert reader.credit == 0 or not wanted & there


PickingMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestPickingModel = PickingMachine.TestCase
