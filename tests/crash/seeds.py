"""Seeds: of the source, unless `ANYMQ_SEED` says which. `ANYMQ_EFFORT` multiplies the loads.

So each change meets loads that none has met before, and the same tree always the same ones: what
it fails on it fails on again, for everybody who has it. The soak draws new ones for each round.
What fails names its load: `ANYMQ_LOAD=…` replays that one alone.
"""

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]


def _of_the_source() -> str:
    digest = sha256()
    for path in sorted(path for top in ("src", "tests") for path in (ROOT / top).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
BASE = os.environ.get("ANYMQ_SEED") or _of_the_source()
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
