"""A client by gRPC in a process of its own, asked by lines, with what came in queues."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.conformance.rocketmq.asked import Asked, ClientFailed

WORKER = Path(__file__).with_name("worker.py")

__all__ = ["ClientFailed", "PythonClient"]


class PythonClient(Asked):
    """RocketMQ's Python client of version 5: a producer, and a consumer."""

    def __init__(self, endpoints: str, home: Path, user: tuple[str, str] = ("", "")) -> None:
        kinds, quiet = ["message", "checked"], {"OTEL_SDK_DISABLED": "true"}
        super().__init__(WORKER, [endpoints, *user], home, kinds, quiet)

    @override
    def ask(self, what: str, **details: Any) -> dict[str, Any]:
        """Have it do something; ClientFailed when it could not."""
        if isinstance(body := details.get("body"), bytes):
            details["body"] = b64encode(body).decode()
        return super().ask(what, **details)

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
        return opened(self.said("message"))

    def messages(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many."""
        return [self.message() for _ in range(count)]

    def checked(self) -> dict[str, Any]:
        """Wait until it is asked what became of a transaction."""
        return opened(self.said("checked", "question"))


def opened(said: dict[str, Any]) -> dict[str, Any]:
    """Return a message, with its body as it was."""
    return {**said, "body": b64decode(said["body"])}
