"""Crash images: at every system call of a random load, what a power cut or a kill may leave."""

from random import Random

import pytest

from tests.crash.load import Load
from tests.crash.model import check_image
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 5000 * EFFORT
PARTS = 10
KILLED_SHARE = 0.2


def crash_everywhere(seed: int, images_max: int) -> int:
    """Run one load; at each system call recover an image and check it. Return how many."""
    load, rng = Load(seed), Random(~seed)
    count = 0

    def crash(op: str, path: str) -> None:
        nonlocal count
        if count >= images_max:
            return
        count += 1
        image_seed = rng.randrange(2**32)
        power_cut = rng.random() >= KILLED_SHARE
        image_rng = Random(image_seed)
        image = load.files.crash(image_rng) if power_cut else load.files.killed()
        try:
            check_image(image, load.promises, image_rng, power_cut=power_cut)
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
def test_no_crash_loses_what_was_acknowledged(part: int) -> None:
    """Whoever was told "done" may forget the message."""
    run_loads(f"images {part}", IMAGES // PARTS, crash_everywhere)
