"""Sides: how the two brokers of a comparison are started, whatever they speak."""

import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from benchmarks.measuring import OURS, Bench, Figures, Processors, Promise, Side
from tests.peers.anymq import AnymqServer, Value

# Looking for requests for as long as a thousand a second leave between them, instead of sleeping.
AWAKE: Mapping[str, Value] = {"server.awake_us": 2000}

# What we are told that an acknowledgement means.
OUR_PROMISES: Mapping[Promise, Mapping[str, Value]] = {
    "page cache": {"storage.durability": "os"},
    "disk": {"storage.durability": "commit"},
}


class Startable(Protocol):
    """A broker as a child process."""

    def start(self) -> object:
        """Start it, and wait until it serves."""

    def stop(self) -> None:
        """End it; harmless when it never began."""


V = TypeVar("V", bound=Startable)
S = TypeVar("S", bound=Side)


Make = Callable[[str, Path, Promise, Processors], V]  # a broker that is not started


@contextmanager
def all_running(
    make: Make[V],
    side: Callable[[str, V], S],
    names: Sequence[str],
    promise: Promise,
    processors: Processors,
) -> Iterator[list[S]]:
    """All of them at once: they are measured in turn, each while the others are halted."""
    with ExitStack() as stack:
        sides = []
        for name in names:
            temporary = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
            server = make(name, Path(stack.enter_context(temporary)), promise, processors)
            stack.callback(server.stop)
            server.start()
            sides.append(side(name, server))
        yield sides


@contextmanager
def unused(make: Make[V], bench: Bench, side: Side) -> Iterator[V]:
    """A broker of the same kind that has done nothing yet, and is not started."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = make(side.name, Path(folder), "page cache", bench.processors)
        try:
            yield server
        finally:
            server.stop()


def awake(
    make: Make[V],
    side_of: Callable[[str, V], S],
    load: Callable[[Bench, S], Figures],
    bench: Bench,
    side: S,
) -> Figures:
    """As `load`; ours is one of its own that does not sleep."""
    if side.name != OURS:
        return load(bench, side)
    with unused(make, bench, side) as server:
        assert isinstance(server, AnymqServer)
        server.settings = {**server.settings, **AWAKE}
        server.start()
        return load(bench, side_of(side.name, server))


def allow_many_files() -> None:
    """Let children have as many files and connections as the system gives anybody."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
