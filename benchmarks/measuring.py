"""What every comparison is made of: processors, loads, figures."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from tests.peers.process import Usage, pinned

ROOT = Path(__file__).parents[1]
GENERATOR_SECONDS = 300
OURS = "anymq"
Promise = Literal["page cache", "disk"]  # what an acknowledgement means
Figures = dict[str, float]


class Measured(Protocol):
    """A running broker."""

    def usage(self) -> Usage:
        """What it has taken from the machine so far."""

    def pause(self) -> None:
        """Let it do nothing until `resume`."""

    def resume(self) -> None:
        """Let it go on."""


class Side(Protocol):
    """One of the two brokers of a comparison."""

    @property
    def name(self) -> str:
        """As it appears in the table."""

    @property
    def server(self) -> Measured:
        """The process."""


S = TypeVar("S", bound=Side, contravariant=True)


@dataclass(frozen=True, slots=True)
class Processors:
    """Which processor does what, and what could not be arranged."""

    broker: Sequence[int] | None
    generator: Sequence[int] | None
    complaint: str

    @classmethod
    def share(cls) -> "Processors":
        """The first for the broker, the others for the generator."""
        if not hasattr(os, "sched_getaffinity"):
            return cls(None, None, "nothing is pinned: this system has no affinity")
        mine = sorted(os.sched_getaffinity(0))
        if len(mine) < 2:
            return cls(None, None, "nothing is pinned: there is one processor")
        return cls(mine[:1], mine[1:2], "")


@dataclass(frozen=True, slots=True)
class Bench:
    """What every workload needs to know."""

    processors: Processors
    seconds: float

    def generate(self, *argv: object) -> Figures:
        """Run a generator written in Python on its processor; its figures."""
        return dict(json.loads(self.run([sys.executable, *map(str, argv)])))

    def run(self, argv: Sequence[str]) -> str:
        """Run anything there; what it printed."""
        with pinned(self.processors.generator):
            process = subprocess.Popen(
                argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        said, complained = process.communicate(timeout=GENERATOR_SECONDS)
        if process.returncode:
            raise RuntimeError(f"the generator failed: {complained[-1000:]}")
        return said


@dataclass(frozen=True, slots=True)
class Workload(Generic[S]):
    """A load with a name; `higher` says whether more of its main figure is better."""

    name: str
    promise: Promise
    figure: str
    measure: Callable[[Bench, S], Figures]
    higher: bool = True
    warm_up: bool = True
    apart: str = ""  # those of one word have brokers of their own


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours and one peer: what is measured, and how the two are started."""

    name: str
    peer: str
    versions: Callable[[], str]  # of the peer
    unavailable: Callable[[], str]  # why the peer cannot run here; empty when it can
    workloads: Callable[[bool], list[Workload[Any]]]  # with the peer, or without
    running: Callable[[Sequence[str], Promise, Processors], AbstractContextManager[Sequence[Side]]]
    seconds: float = 3.0  # how long a load lasts, if nobody says
    # The first turns fill caches and let just-in-time compilers see the load.
    warm_ups: int = 2
    first_warm_ups: int = 2  # of the first load of a pair of brokers, which are new


@contextmanager
def alone(side: Side, sides: Sequence[Side]) -> Iterator[None]:
    """The other does nothing meanwhile: idle brokers take as much as they like."""
    others = [one for one in sides if one is not side]
    for other in others:
        other.server.pause()
    try:
        yield
    finally:
        for other in others:
            other.server.resume()


def counted(side: Side, load: Callable[[], Figures]) -> Figures:
    """The figures of a load, with the processor time that the broker took for it."""
    before = side.server.usage().cpu_seconds
    figures = load()
    used = side.server.usage().cpu_seconds - before
    return {
        **figures,
        "broker_cpu_us_per_message": used * 1e6 / figures["messages"],
        # Much below 100: the generator, or the disk, was the limit, and not the broker.
        "broker_busy_percent": used / figures["seconds"] * 100,
    }
