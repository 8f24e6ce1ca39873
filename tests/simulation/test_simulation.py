"""A thousand worlds, each from its own seed: nothing is lost, nothing comes that may not.

`ANYMQ_LOAD=SEED` replays one.
"""

import pytest

from tests.crash.seeds import EFFORT, run_loads
from tests.simulation.scenario import simulate

SEEDS = 1_000 * EFFORT
PARTS = 4


@pytest.mark.timeout(300 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_what_was_promised_holds(part: int) -> None:
    def one(seed: int, left: int) -> int:
        simulate(seed)
        return 1

    run_loads(f"simulation {part}", SEEDS // PARTS, one)
