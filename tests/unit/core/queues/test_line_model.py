"""A line against a plain list, through every turn, full disk, restart and kill."""

import errno
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.unit.core.queues.line_room import Room, positions, run_of

from anymq.core.queues.delivery import Delivery


@dataclass(slots=True)
class Entry:
    body: bytes
    persistent: bool
    state: str = "ready"  # ready, out, settled
    returns: int = 0
    had: bool = False  # by somebody
    pushed: int = 0  # in which turn
    claimed: bool = False  # out of the middle: then it does not matter whether it says it was had
    back: bool = False


class LineMachine(RuleBasedStateMachine):
    @initialize(line_bytes=st.sampled_from([2000, 10**6]))
    def start(self, line_bytes: int) -> None:
        self.room = Room(line_bytes=line_bytes)
        self.model: dict[int, Entry] = {}
        self.count = 0
        self.inexact = False

    def of(self, state: str) -> list[int]:
        return [position for position, one in self.model.items() if one.state == state]

    @rule(count=st.integers(1, 12), size=st.integers(0, 300), persistent=st.booleans())
    def push(self, count: int, size: int, persistent: bool) -> None:
        new = []
        for _ in range(count):
            body = b"%06d" % self.count + bytes(size)
            new.append(body)
            self.count += 1
        first = self.room.line.end
        properties = b"p" if count % 2 else b"q%d" % count
        self.room.line.push(
            run_of(*new, persistent=persistent, properties=properties), self.room.told.append
        )
        for position, body in enumerate(new, first):
            assert position not in self.model
            self.model[position] = Entry(body, persistent)

    @rule(count=st.integers(1, 20), bytes_max=st.integers(1, 2000), settled=st.booleans())
    def take(self, count: int, bytes_max: int, settled: bool) -> None:
        expected: list[int] = []
        size = 0
        for position in self.in_order()[:count]:
            size += len(self.model[position].body)
            if expected and size > bytes_max:
                break
            expected.append(position)
        taken = self.room.line.take(count, bytes_max, settled=settled)
        assert positions(taken) == expected
        self.compare(taken)
        for position in expected:
            self.model[position].state = "settled" if settled else "out"
            self.model[position].had = True

    def compare(self, deliveries: list[Delivery]) -> None:
        for one in deliveries:
            entry = self.model[one.position]
            assert one.message.body == entry.body
            assert one.returns == entry.returns
            inexact = entry.claimed or (self.inexact and one.redelivered)
            assert one.redelivered == entry.had or inexact

    def in_order(self) -> list[int]:
        """What was given back comes first."""
        return sorted(self.of("ready"), key=lambda p: (not self.model[p].back, p))

    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        """Whoever looked takes some out of the middle, among them what is not to be had."""
        seen, at, line = [], 0, self.room.line
        while at < line.end and (piece := line.look(at, 500)) is not None:
            found, at = piece
            seen += found
        assert [p for p, _ in seen] == sorted(self.of("ready") + self.of("out"))
        if seen:
            some = data.draw(st.lists(st.sampled_from(seen), unique_by=lambda one: one[0]))
            expected = {p for p, _ in some if self.model[p].state == "ready"}
            assert set(line.claim(some)) == expected
            for position in expected:
                self.model[position].state = "out"
                self.model[position].claimed = True

    @rule(data=st.data(), count=st.booleans())
    def give_back(self, data: st.DataObject, count: bool) -> None:
        out = self.of("out")
        if out:
            some = data.draw(st.lists(st.sampled_from(out), unique=True))
            self.room.line.give_back(some, count=count)
            for position in some:
                self.model[position].state = "ready"
                self.model[position].back = True
                self.model[position].returns += count

    @rule(data=st.data(), state=st.sampled_from(["out", "ready"]))
    def settle(self, data: st.DataObject, state: str) -> None:
        these = self.of(state)
        if these:
            some = data.draw(st.lists(st.sampled_from(these), unique=True))
            self.room.line.settle(some)
            for position in some:
                self.model[position].state = "settled"

    @rule()
    def settle_everything_out(self) -> None:
        out = self.of("out")
        self.room.line.settle(out)
        for position in out:
            self.model[position].state = "settled"

    @rule()
    def purge(self) -> None:
        ready = self.of("ready")
        assert self.room.line.purge() == len(ready)
        for position in ready:
            self.model[position].state = "settled"

    @rule(count=st.integers(1, 10), data=st.data())
    def browse(self, count: int, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, self.room.line.end))
        found = self.room.line.read(at, count)
        assert positions(found) == [p for p in self.of("ready") if p >= at][:count]
        self.compare(found)

    @rule()
    def peek(self) -> None:
        head = self.room.line.peek()
        assert ([head.position] if head else []) == self.in_order()[:1]

    @rule()
    def turn(self) -> None:
        self.room.turn()

    @rule()
    def turn_and_tick(self) -> None:
        self.room.turn()
        self.room.tick()

    @rule()
    def turn_with_a_full_disk(self) -> None:
        """What is persistent and was not written is refused; what is out of it stays out."""
        room = self.room
        room.turn()
        end = room.line.log.visible_end
        told = len(room.told)
        room.push(b"lost")
        position = room.line.end - 1
        room.files.fault("pwritev", errno.ENOSPC, when=lambda path: "/20/" in path)
        room.turn()
        room.tick()
        assert room.told[told] is not None
        for other, entry in list(self.model.items()):
            if end <= other < position and entry.state == "ready":
                entry.state = "settled"  # transient ones that went the same way

    @rule()
    def restart(self) -> None:
        self.room.turn()
        self.room.restart()
        self.after_a_restart()

    @rule()
    def kill(self) -> None:
        self.room.turn()
        self.room.kill()
        self.inexact = True
        self.after_a_restart()

    def after_a_restart(self) -> None:
        """Persistent ones are there, in order; transient ones may be."""
        there = {one.position for one in self.room.line.read(0, 10**6)}
        for position, entry in list(self.model.items()):
            assert position not in there or entry.state != "settled"
            if entry.state == "settled":
                continue
            if position not in there:
                assert not entry.persistent
                entry.state = "settled"
            else:
                entry.state, entry.back = "ready", False
        assert there == set(self.of("ready"))
        self.model = {p: e for p, e in self.model.items() if e.state != "settled"}

    @invariant()
    def counts_are_exact(self) -> None:
        if hasattr(self, "room"):
            line, ready = self.room.line, self.of("ready")
            assert line.ready == len(ready)
            assert line.ready_bytes == sum(len(self.model[p].body) for p in ready)
            assert line.taken == len(self.of("out"))
            assert line._held + line._fresh.held >= 0


TestLine = LineMachine.TestCase
TestLine.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
