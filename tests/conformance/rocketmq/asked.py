"""Asked: a client library in a process of its own, told by lines of JSON what to do."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

SECONDS = 60.0
PREFIX = b"{"  # of what it says to us; the library prints things, too


class ClientFailed(AssertionError):
    """The client refused to do it."""


class Asked:
    """One such process. What it says beside its answers comes in queues, by kind."""

    def __init__(
        self,
        worker: Path,
        arguments: Sequence[str],
        home: Path,
        kinds: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._said: dict[str, Queue[dict[str, Any]]] = {
            kind: Queue() for kind in ("answer", *kinds)
        }
        # -P: beside the worker is a folder named grpc, which it must not take for the library.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(worker), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(home), **(environment or {})},  # where it writes its log
            cwd=home,
        )
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def ask(self, what: str, **details: Any) -> dict[str, Any]:
        """Have it do something; ClientFailed when it could not."""
        self._tell(what, **details)
        answer = self.said("answer", f"answer to {what}")
        if "error" in answer:
            raise ClientFailed(answer["error"])
        return answer

    def said(self, kind: str, called: str = "", seconds: float = SECONDS) -> dict[str, Any]:
        """Wait for the next of this kind."""
        try:
            return self._said[kind].get(timeout=seconds)
        except Empty:
            raise ClientFailed(f"no {called or kind} within {seconds} s") from None

    def count(self, kind: str) -> int:
        """How many of this kind came that nobody has taken."""
        return self._said[kind].qsize()

    def close(self) -> None:
        """Leave, and end."""
        if self._process.poll() is None:
            self._tell("stop")
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def kill(self) -> None:
        """End without leaving."""
        self._process.kill()
        self._end()

    def _end(self) -> None:
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _tell(self, what: str, **details: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **details}).encode() + b"\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(PREFIX):
                for kind, what in json.loads(line).items():
                    self._said[kind].put(what)
