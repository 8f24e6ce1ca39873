"""Crash images: at every system call of a random load, what a power cut or a kill may leave."""

from random import Random

import pytest

from anymq.testing.simfs import SimFiles
from tests.crash.dying import Dying
from tests.crash.load import Load
from tests.crash.model import check_image
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 5000 * EFFORT
PARTS = 10
KILLED_SHARE = 0.2


def crash_everywhere(seed: int, images_max: int) -> int:
    """Run one load; at each system call recover an image and check it. Return how many."""
    load = Load(seed)

    def look(image: SimFiles, rng: Random, power_cut: bool) -> None:
        check_image(image, load.promises, rng, power_cut=power_cut)

    dying = Dying(load.files, seed, images_max, look, killed=KILLED_SHARE)
    load.run()
    return dying.end()


@pytest.mark.timeout(60 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_crash_loses_what_was_acknowledged(part: int) -> None:
    """Whoever was told "done" may forget the message."""
    run_loads(f"images {part}", IMAGES // PARTS, crash_everywhere)
