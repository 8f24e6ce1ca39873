"""A power cut at any moment: what was confirmed and not settled is there, once, in its order."""

from random import Random

import pytest
from tests.unit.core.queues.line_room import Room, bodies, positions, run_of
from tests.unit.storage.stores import do


class Story:
    """A queue's life between power cuts."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.room = Room(line_bytes=self.rng.choice((2000, 10**6)))
        self.exact = bool(seed % 2)
        self.count = 0
        self.safe: list[bytes] = []  # confirmed and never asked to be settled
        self.gone: set[bytes] = set()  # settled: may come back once
        self.pushed: list[bytes] = []

    def push(self) -> None:
        new = [b"%06d" % (self.count + i) + bytes(50) for i in range(self.rng.randint(1, 12))]
        self.count += len(new)
        self.pushed += new
        persistent = self.rng.random() < 0.7

        def told(error: Exception | None) -> None:
            if error is None and persistent:
                self.safe += new

        self.room.line.push(run_of(*new, persistent=persistent), told)

    def settle_some(self) -> None:
        taken = self.room.line.take(self.rng.randint(1, 10), 10_000)
        some = [one for one in taken if self.rng.random() < 0.7]
        self.room.line.settle(positions(some))
        rest = [one.position for one in taken if one not in some]
        self.room.line.give_back(rest)
        self.gone |= set(bodies(some))

    def cut(self) -> None:
        self.room.files = self.room.files.crash(self.rng)
        self.room._start()
        there = bodies(self.room.line.read(0, 10**6))
        lost = [body for body in self.safe if body not in self.gone and body not in there]
        assert lost == []
        assert there == sorted(set(there))
        assert set(there) <= set(self.pushed)
        self.check_counts(len(there))
        self.gone -= set(there)
        self.safe = [body for body in self.safe if body in there]
        self.pushed = there

    def clean(self) -> None:
        """Take settled messages off the disk; the journal may be synced before."""
        self.room.turn()
        if self.exact:
            do(self.room.store.begin_sync())
        self.room.tick()

    def check_counts(self, there: int) -> None:
        """What is gone from the disk, while the journal lost why, is found out when it is read."""
        line = self.room.line
        if self.exact:
            assert (line.ready, line.ready_bytes) == (there, 56 * there)
        assert line.ready >= there
        taken = positions(self.room.all())
        assert (line.ready, line.ready_bytes, len(taken)) == (0, 0, there)
        line.give_back(taken)
        assert (line.ready, line.ready_bytes) == (there, 56 * there)


@pytest.mark.parametrize("seed", range(60))
def test_a_power_cut_takes_nothing_that_was_confirmed(seed: int) -> None:
    story = Story(seed)
    for _ in range(4):
        for _ in range(story.rng.randint(1, 25)):
            story.push()
            if story.rng.random() < 0.7:
                story.settle_some()
            if story.rng.random() < 0.7:
                story.room.turn()
            if story.rng.random() < 0.2:
                story.clean()
        story.cut()
