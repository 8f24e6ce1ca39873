"""Seeds: new ones in each run, unless `ANYMQ_SEED` says which. `ANYMQ_EFFORT` multiplies the loads.

What fails names its load: `ANYMQ_LOAD=…` replays that one alone.
"""

import os
from collections.abc import Callable, Iterator
from random import Random, SystemRandom

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
BASE = os.environ.get("ANYMQ_SEED", str(SystemRandom().randrange(2**32)))
ONE_LOAD = os.environ.get("ANYMQ_LOAD")


def seeds(name: str) -> Iterator[int]:
    """Yield seeds without end, others for each name; or the only one that is asked for."""
    rng = Random(f"{BASE} {name}")
    while True:
        yield rng.randrange(2**32) if ONE_LOAD is None else int(ONE_LOAD)


def run_loads(name: str, wanted: int, run_one: Callable[[int, int], int]) -> None:
    """Call `run_one(seed, left)`, which returns how many it did, until all are done."""
    done = 0
    for seed in seeds(name):
        try:
            done += run_one(seed, wanted - done)
        except Exception as error:
            raise AssertionError(f"ANYMQ_LOAD={seed} shows it again: {error}") from error
        if done >= wanted or ONE_LOAD is not None:
            return
