"""Crash images of queues with dead letters: a rejected message is in its queue or in the next.

Whole queues, with their consumers, over real lines: nothing confirmed is ever between the two.
"""

from random import Random

import pytest

from anymq.core.queues.delivery import Delivery
from anymq.testing.simfs import UNLIMITED, SimFiles
from tests.crash.dying import Dying
from tests.crash.seeds import EFFORT, run_loads
from tests.unit.core.queues.queue_world import QueueWorld, Reader

IMAGES = 600 * EFFORT
KILLED_SHARE = 0.4
KINDS = ("classic", "quorum")


class Rejecting:
    """Two queues: what the first one's consumer rejects goes to the second."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.world = world = QueueWorld()
        self.confirmed: set[str] = set()
        self.acked: set[str] = set()
        self.kept_acked: set[str] = set()  # that survives our death
        self.number = 0
        world.queue("q", self.rng.choice(KINDS), x_dead_letter_exchange="dlx")
        world.queue("graves", self.rng.choice(KINDS))
        world.bound["dlx"] = ["graves"]
        self.reader: Reader = world.read(world.queues["q"], 20)

    def run(self, operations: int = 80) -> None:
        actions = [self.publish] * 6 + [self.commit] * 5 + [self.ack] * 3
        actions += [self.reject] * 3 + [self.wait_for_acks] * 2
        for _ in range(operations):
            self.rng.choice(actions)()

    def publish(self) -> None:
        count = self.rng.choice((1, 2, 9))
        bodies = [f"{self.number + at}" for at in range(count)]
        self.number += count

        def then(error: Exception | None) -> None:
            assert error is None
            self.confirmed.update(bodies)

        self.world.publish(self.world.queues["q"], *bodies, then=then, delivery_mode=2)

    def commit(self) -> None:
        commit = self.world.store.begin_commit()
        if commit is not None:
            commit.run()
            commit.done()
        self.world.turn.run()

    def _some(self) -> list[Delivery]:
        some = [one for one in self.reader.got if self.rng.random() < 0.5]
        self.reader.got[:] = [one for one in self.reader.got if one not in some]
        return some

    def ack(self) -> None:
        if some := self._some():
            self.acked.update(one.message.body.decode() for one in some)
            self.world.settle(self.reader, *some)

    def reject(self) -> None:
        if some := self._some():
            self.world.reject(self.reader, *some, requeue=self.rng.random() < 0.3)

    def wait_for_acks(self) -> None:
        acked = set(self.acked)

        def then(error: Exception | None) -> None:
            assert error is None
            self.kept_acked.update(acked)

        self.world.lines.when_written(then)


def check_image(load: Rejecting, image: SimFiles, *, power_cut: bool) -> None:
    image.capacity = UNLIMITED
    world = QueueWorld()
    world.files, world.log_ids, world.bound = image, load.world.log_ids, load.world.bound
    world.start()
    for name, said in load.world.declared.items():
        world.queue(name, said["kind"], **said["arguments"])
    waiting, graves = (world.drain(world.queues[name]) for name in ("q", "graves"))
    for bodies in (waiting, graves):
        assert len(bodies) == len(set(bodies)), f"twice: {bodies}"
    assert [int(body) for body in waiting] == sorted(map(int, waiting)), "not in order"
    lost = load.confirmed - load.acked - {*waiting, *graves}
    assert not lost, f"in no queue: {sorted(lost)}"
    back = set() if power_cut else load.kept_acked.intersection({*waiting, *graves})
    assert not back, f"acknowledged, and back: {sorted(back)}"


def crash_everywhere(seed: int, images_max: int) -> int:
    load = Rejecting(seed)

    def look(image: SimFiles, _: Random, power_cut: bool) -> None:
        check_image(load, image, power_cut=power_cut)

    dying = Dying(load.world.files, seed, images_max, look, killed=KILLED_SHARE)
    load.run()
    return dying.end()


@pytest.mark.timeout(60 * EFFORT)
def test_a_rejected_message_is_always_somewhere() -> None:
    """Dead letters are what people look for after something went wrong."""
    run_loads("dead letter images", IMAGES, crash_everywhere)
