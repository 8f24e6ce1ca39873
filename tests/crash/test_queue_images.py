"""Crash images of queues: at every system call, what a power cut or a kill leaves of messages.

Confirmed is never lost, acknowledged never back, and all of it comes in order.
"""

from random import Random

import pytest

from anymq.testing.simfs import SimFiles
from tests.crash.dying import Dying
from tests.crash.queue_load import QueueLoad
from tests.crash.queue_model import check_queues
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 2000 * EFFORT
PARTS = 5
KILLED_SHARE = 0.4


def crash_everywhere(seed: int, images_max: int) -> int:
    """Run one load; at each system call recover an image and check it. Return how many."""
    load = QueueLoad(seed)

    def look(image: SimFiles, rng: Random, power_cut: bool) -> None:
        check_queues(image, load.promises, rng, power_cut)

    dying = Dying(load.files, seed, images_max, look, killed=KILLED_SHARE)
    load.run()
    return dying.end()


@pytest.mark.timeout(60 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_crash_loses_a_confirmed_message_or_brings_back_an_acknowledged(part: int) -> None:
    """Whoever has the confirm forgets the message; whoever acknowledged has done the work."""
    run_loads(f"queue images {part}", IMAGES // PARTS, crash_everywhere)
