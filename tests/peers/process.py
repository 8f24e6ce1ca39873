"""A server as a child process: started against a deadline, watched, stopped by its id."""

import atexit
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from anymq.testing.ports import Claim, claim_ports

STOP_SECONDS = 20.0
POLL_SECONDS = 0.005
LAST_WORDS_CHARS = 4000
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

Answer = TypeVar("Answer")


class ServerFailed(Exception):
    """The server left, or never became ready; the message ends with what it last said."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has taken from the machine so far."""

    cpu_seconds: float
    rss_bytes: int


class ServerProcess:
    """One child process, its log file, and the means to wait for it and to end it."""

    def __init__(
        self,
        argv: Sequence[str],
        log_path: Path,
        *,
        env: Mapping[str, str] | None = None,
        cpus: Iterable[int] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log_path = log_path
        self.started_at = time.monotonic()
        with log_path.open("ab") as log, pinned(cpus):
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )

    @property
    def pid(self) -> int:
        """The process id, to signal and to measure it."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it lives."""
        return self._process.poll()

    def output(self) -> str:
        """Everything it has printed."""
        return self.log_path.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], Answer | None], timeout: float) -> Answer:
        """Ask `ready` again and again until it answers; fail when the process or the time ends."""
        deadline = time.monotonic() + timeout
        while (answer := ready()) is None:
            if self._process.poll() is not None:
                raise ServerFailed(f"it left with {self.returncode}: {self._last_words()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"not ready after {timeout:g} s: {self._last_words()}")
            time.sleep(POLL_SECONDS)
        return answer

    def kill(self) -> None:
        """End it as a power cut would: no chance to say goodbye."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send it this one, if it lives."""
        self._process.send_signal(number)

    def wait(self, timeout: float = STOP_SECONDS) -> int:
        """Wait until it has left by itself; returns the exit status."""
        return self._process.wait(timeout)

    def stop(self, timeout: float = STOP_SECONDS) -> int:
        """Ask it to leave, insist when it does not; returns the exit status."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def _last_words(self) -> str:
        return self.output()[-LAST_WORDS_CHARS:]

    def usage(self) -> Usage:
        """Processor seconds and memory of this process, all its threads together."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
        return Usage(ticks / CLOCK_TICKS, pages * os.sysconf("SC_PAGE_SIZE"))


class Controlled:
    """What every broker that we start as a child process can be told, however it is started."""

    _process: ServerProcess | None

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._running().pid

    def stop(self) -> None:
        """A clean end."""
        if self._process is not None:
            self._process.stop()

    def wait(self) -> int:
        """Its exit status, once it has left by itself."""
        return self._running().wait()

    def kill(self) -> None:
        """A sudden end."""
        self._running().kill()

    def pause(self) -> None:
        """Let it do nothing until `resume`."""
        self._running().signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on; harmless when it does."""
        self._running().signal(signal.SIGCONT)

    def usage(self) -> Usage:
        """What it has taken so far."""
        return self._running().usage()

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise ServerFailed("it was not started")
        return self._process


@contextmanager
def pinned(cpus: Iterable[int] | None) -> Iterator[None]:
    """Children started inside run on these processors only; they inherit it from this thread."""
    before = os.sched_getaffinity(0)
    if cpus is not None:
        os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


CLAIMS_MAX = 200
_claims: deque[Claim] = deque()


def free_ports(count: int) -> list[int]:
    """Ports that nobody else gets for long; nobody listens on them now."""
    claims = claim_ports(count)
    _claims.extend(claims)
    while len(_claims) > CLAIMS_MAX:  # their servers are gone long since
        _claims.popleft().holder.close()
    return [one.port for one in claims]


@atexit.register
def _let_go() -> None:
    for claim in _claims:
        claim.holder.close()
