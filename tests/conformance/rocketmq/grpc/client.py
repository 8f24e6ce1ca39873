"""A client by gRPC in a process of its own, asked by lines, with what came in queues."""

import json
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

SECONDS = 60.0
WORKER = Path(__file__).with_name("worker.py")
PREFIX = b"{"  # of what it says to us; the library prints things, too


class ClientFailed(AssertionError):
    """The client refused to do it."""


class PythonClient:
    """RocketMQ's Python client of version 5: a producer, and a consumer."""

    def __init__(self, endpoints: str, home: Path, user: tuple[str, str] = ("", "")) -> None:
        self._answers: Queue[dict[str, Any]] = Queue()
        self._messages: Queue[dict[str, Any]] = Queue()
        self._checked: Queue[dict[str, Any]] = Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER), endpoints, *user],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(home), "OTEL_SDK_DISABLED": "true"},  # its log is there
            cwd=home,
        )
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ask(self, what: str, **details: Any) -> dict[str, Any]:
        """Have it do something; ClientFailed when it could not."""
        if isinstance(body := details.get("body"), bytes):
            details["body"] = b64encode(body).decode()
        self._tell(what, **details)
        try:
            answer = self._answers.get(timeout=SECONDS)
        except Empty:
            raise ClientFailed(f"no answer to {what} within {SECONDS} s") from None
        if "error" in answer:
            raise ClientFailed(answer["error"])
        return answer

    def produce(self, *topics: str, checker: str = "") -> None:
        """Become a producer."""
        self.ask("produce", topics=topics, checker=checker)

    def send(self, topic: str, body: bytes, **what: Any) -> dict[str, Any]:
        """Send a message."""
        return self.ask("send", topic=topic, body=body, **what)

    def receive(self, count: int = 32, invisible: int = 30) -> list[dict[str, Any]]:
        """Borrow messages: none, if none came while it waited."""
        answer = self.ask("receive", count=count, invisible=invisible)
        return [opened(one) for one in answer["messages"]]

    def receive_all(self, count: int) -> list[dict[str, Any]]:
        """Borrow so many messages, and be done with them."""
        found: list[dict[str, Any]] = []
        for _ in range(20 + count):
            if len(found) >= count:
                break
            found += self.receive()
        for one in found:
            self.ask("ack", id=one["id"])
        return found

    def message(self) -> dict[str, Any]:
        """Wait for the next message that is pushed."""
        return self._next(self._messages, "message")

    def messages(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many."""
        return [self.message() for _ in range(count)]

    def checked(self) -> dict[str, Any]:
        """Wait until it is asked what became of a transaction."""
        return self._next(self._checked, "question")

    def close(self) -> None:
        """Leave, and end."""
        if self._process.poll() is None:
            self._tell("stop")
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._listener.join(SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def kill(self) -> None:
        """End without leaving."""
        self._process.kill()
        self._process.wait()

    def _next(self, queue: "Queue[dict[str, Any]]", what: str) -> dict[str, Any]:
        try:
            return opened(queue.get(timeout=SECONDS))
        except Empty:
            raise ClientFailed(f"no {what} came within {SECONDS} s") from None

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
                self._messages.put(said["message"])
            elif "checked" in said:
                self._checked.put(said["checked"])
            else:
                self._answers.put(said["answer"])


def opened(said: dict[str, Any]) -> dict[str, Any]:
    """Return a message, with its body as it was."""
    return {**said, "body": b64decode(said["body"])}
