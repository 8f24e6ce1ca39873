"""A client that goes on while the server dies and returns: it connects anew, and does its round."""

import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from typing_extensions import override

RETRY_SECONDS = 0.02
ANSWER_SECONDS = 60.0


class Gone(Exception):
    """The server hung up."""


class Connection(Protocol):
    """What a client speaks through."""

    def close(self) -> None:
        """Hang up."""


C = TypeVar("C", bound=Connection)


class Worker(threading.Thread, Generic[C]):
    """Does its round again and again until told to stop; connects anew when the server was gone."""

    def __init__(self, name: str, connect: Callable[[], C]) -> None:
        super().__init__(name=name, daemon=True)
        self._connect = connect
        self.stopping = threading.Event()
        self._progress = threading.Condition()
        self._done = 0
        self.bug: BaseException | None = None

    @override
    def run(self) -> None:
        """The thread."""
        try:
            while not self.stopping.is_set():
                client = None
                try:
                    client = self._connect()
                    self.round(client)
                except (OSError, Gone):
                    pass
                finally:
                    if client is not None:
                        client.close()
                time.sleep(RETRY_SECONDS)
        except BaseException as bug:
            with self._progress:
                self.bug = bug
                self._progress.notify_all()

    def round(self, client: C) -> None:
        """What it does with a connection."""
        raise NotImplementedError

    def stop(self) -> None:
        """No more."""
        self.stopping.set()
        self.join(ANSWER_SECONDS)
        assert not self.is_alive(), self.name
        assert self.bug is None, self.bug

    def progressed(self, count: int) -> None:
        """So many more."""
        with self._progress:
            self._done += count
            self._progress.notify_all()

    def wait_for(self, count: int) -> None:
        """Until so many more are done."""
        with self._progress:
            wanted = self._done + count
            came = self._progress.wait_for(
                lambda: self._done >= wanted or self.bug is not None, ANSWER_SECONDS
            )
        assert self.bug is None, f"{self.name}: {self.bug!r}"
        assert came, f"{self.name}: nothing for {ANSWER_SECONDS} s"
