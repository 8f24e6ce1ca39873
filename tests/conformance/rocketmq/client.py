"""RocketMQ's C++ client in a process of its own, asked by lines, with what came in queues."""

import json
import subprocess
import sys
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

SECONDS = 60.0
WORKER = Path(__file__).with_name("cpp_worker.py")
PREFIX = b"{"  # of what it says to us; the library prints things, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message, as the client shows it."""

    topic: str
    body: bytes
    tags: str | None
    keys: str | None
    id: str
    queue: int
    offset: int
    reconsumed: int
    born: int
    stored: int
    color: str | None
    origin: str | None
    delay: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the client was told of a message."""

    status: str
    id: str
    offset: int


class ClientFailed(AssertionError):
    """The client refused to do it."""


class CppClient:
    """One process, with a producer and consumers."""

    def __init__(self, name_server: str, home: Path) -> None:
        self._answers: Queue[dict[str, Any]] = Queue()
        self._messages: Queue[Received] = Queue()
        # -P: beside the worker is a folder named grpc, which it must not take for the library.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER), name_server],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(home)},  # where it writes its log, and offsets of broadcasts
            cwd=home,
        )
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def produce(self, group: str = "PG", **options: Any) -> None:
        """Become a producer."""
        self._ask("produce", group=group, **options)

    def send(self, topic: str, body: bytes = b"", how: str = "sync", **what: Any) -> Sent | None:
        """Send a message: sync, async, oneway or ordered (`by` a number)."""
        answer = self._ask("send", how=how, topic=topic, body=b64encode(body).decode(), **what)
        return Sent(**answer) if answer else None

    def send_batch(self, topic: str, bodies: list[bytes]) -> Sent:
        """Send some as one."""
        messages = [{"topic": topic, "body": b64encode(body).decode()} for body in bodies]
        return Sent(**self._ask("send_batch", messages=messages))

    def consume(self, group: str, topic: str, expression: str = "*", **how: Any) -> None:
        """Consume from now on."""
        self._ask("consume", group=group, topic=topic, expression=expression, **how)

    def pull(self, group: str, topic: str, expression: str = "*") -> list[Received]:
        """Pull all that there is."""
        answer = self._ask("pull", group=group, topic=topic, expression=expression)
        return [received(one) for one in answer["messages"]]

    def message(self, seconds: float = SECONDS) -> Received:
        """Wait for the next message."""
        try:
            return self._messages.get(timeout=seconds)
        except Empty:
            raise ClientFailed(f"no message came within {seconds} s") from None

    def messages(self, count: int) -> list[Received]:
        """Wait for so many."""
        return [self.message() for _ in range(count)]

    @property
    def came(self) -> int:
        """How many came that nobody has taken."""
        return self._messages.qsize()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

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
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()

    def _ask(self, what: str, **details: Any) -> dict[str, Any]:
        self._tell(what, **details)
        try:
            answer = self._answers.get(timeout=SECONDS)
        except Empty:
            raise ClientFailed(f"no answer to {what} within {SECONDS} s") from None
        if "error" in answer:
            raise ClientFailed(answer["error"])
        return answer

    def _tell(self, what: str, **details: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **details}).encode() + b"\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith(PREFIX):
                continue
            said = json.loads(line)
            if "message" in said:
                self._messages.put(received(said["message"]))
            else:
                self._answers.put(said["answer"])


def received(said: dict[str, Any]) -> Received:
    """Return a message, with its body as it was."""
    return Received(**{**said, "body": b64decode(said["body"])})
