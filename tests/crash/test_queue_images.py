"""Crash images of queues: at every system call, what a power cut or a kill leaves of messages.

Confirmed is never lost, acknowledged never back, and all of it comes in order.
"""

from random import Random

import pytest

from tests.crash.queue_load import QueueLoad
from tests.crash.queue_model import check_queues
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 2000 * EFFORT
PARTS = 5
KILLED_SHARE = 0.4


def crash_everywhere(seed: int, images_max: int) -> int:
    """Run one load; at each system call recover an image and check it. Return how many."""
    load, rng = QueueLoad(seed), Random(~seed)
    count = 0

    def crash(op: str, path: str) -> None:
        nonlocal count
        if count >= images_max:
            return
        count += 1
        image_rng = Random(rng.randrange(2**32))
        power_cut = rng.random() >= KILLED_SHARE
        image = load.files.crash(image_rng) if power_cut else load.files.killed()
        try:
            check_queues(image, load.promises, image_rng, power_cut)
        except Exception as error:
            kind = "power cut" if power_cut else "kill"
            raise AssertionError(
                f"{kind} before {op} of {path!r}, image {count}: {error}"
            ) from error

    load.files.on_syscall = crash
    load.run()
    crash("the end", "")
    return count


@pytest.mark.timeout(60 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_crash_loses_a_confirmed_message_or_brings_back_an_acknowledged(part: int) -> None:
    """Whoever has the confirm forgets the message; whoever acknowledged has done the work."""
    run_loads(f"queue images {part}", IMAGES // PARTS, crash_everywhere)
