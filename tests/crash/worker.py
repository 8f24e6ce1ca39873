"""Clients that go on while the server dies and returns, and note everything they see."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from typing_extensions import override

from tests.differential.amqp.client import Closed

RETRY_SECONDS = 0.02
ANSWER_SECONDS = 60.0


class Busy(threading.Thread):
    """Does its work until told to stop, and says how far it is."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.stopping = threading.Event()
        self._progress = threading.Condition()
        self.done = 0
        self._limit = math.inf
        self.bug: BaseException | None = None

    @override
    def run(self) -> None:
        """The thread."""
        try:
            self.work()
        except BaseException as bug:
            with self._progress:
                self.bug = bug
                self._progress.notify_all()

    def work(self) -> None:
        """What it does until `stopping`."""
        raise NotImplementedError

    def stop(self) -> None:
        """No more; returns when all it waits for has come."""
        with self._progress:
            self.stopping.set()
            self._progress.notify_all()
        self.join(2 * ANSWER_SECONDS)
        assert not self.is_alive(), f"{self.name} still waits {self.for_what()}"
        assert self.bug is None, f"{self.name}: {self.bug!r}"

    def for_what(self) -> str:
        """What it waits for, if it knows."""
        return ""

    def progressed(self, count: int) -> None:
        """So many more; returns when it may go on."""
        with self._progress:
            self.done += count
            self._progress.notify_all()
            self._progress.wait_for(lambda: self.done < self._limit or self.stopping.is_set())

    def allow(self, count: int) -> None:
        """It may do about so many more, and then waits until it is allowed more."""
        with self._progress:
            self._limit = self.done + count
            self._progress.notify_all()

    def wait_until(self, done: int) -> None:
        """Until so many are done."""
        with self._progress:
            came = self._progress.wait_for(
                lambda: self.done >= done or self.bug is not None, ANSWER_SECONDS
            )
        assert self.bug is None, f"{self.name}: {self.bug!r}"
        assert came, f"{self.name}: {self.done}, not {done}, for {ANSWER_SECONDS} s"

    def wait_for(self, count: int) -> None:
        """Until so many more are done."""
        self.wait_until(self.done + count)


class Connection(Protocol):
    """What a client speaks through."""

    def close(self) -> None:
        """Hang up."""


C = TypeVar("C", bound=Connection)


class Worker(Busy, Generic[C]):
    """Does its round; when the server was gone, connects anew and does it again."""

    def __init__(self, name: str, connect: Callable[[], C]) -> None:
        super().__init__(name)
        self._connect = connect

    @override
    def work(self) -> None:
        """Round by round. Who is told to stop while the server is gone still ends a round."""
        while not self._done():
            time.sleep(RETRY_SECONDS)

    def _done(self) -> bool:
        client = None
        try:
            client = self._connect()
            self.round(client)
        except (OSError, Closed):
            return False
        finally:
            if client is not None:
                client.close()
        return True

    def round(self, client: C) -> None:
        """What it does with a connection until `stopping`."""
        raise NotImplementedError


class Load:
    """All clients of a protocol. What they have seen is judged when all is calm again."""

    publishers: Sequence[Busy]
    consumers: Sequence[Busy]
    ration: int  # what each publisher does between two kills, at most

    def start(self) -> None:
        """Go."""
        for each in (*self.publishers, *self.consumers):
            each.start()

    def newcomer(self, cycle: int) -> None:
        """Somebody comes after the server was killed."""

    def stop(self) -> None:
        """Consumers first: who waits for a message gets one."""
        for each in (*self.consumers, *self.publishers):
            each.stop()

    def judge(self, *, settled_stays: bool) -> str:
        """AssertionError when something is not as promised; else what there was.

        `settled_stays`: what consumers acknowledged, they never get again.
        """
        raise NotImplementedError
