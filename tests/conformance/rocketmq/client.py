"""RocketMQ's C++ client in a process of its own, asked by lines, with what came in queues."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.rocketmq.asked import SECONDS, Asked, ClientFailed

WORKER = Path(__file__).with_name("cpp_worker.py")

__all__ = ["ClientFailed", "CppClient", "Received", "Sent"]


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


class CppClient(Asked):
    """One process, with a producer and consumers."""

    def __init__(self, name_server: str, home: Path) -> None:
        super().__init__(WORKER, [name_server], home, ["message"])

    def produce(self, group: str = "PG", **options: Any) -> None:
        """Become a producer."""
        self.ask("produce", group=group, **options)

    def send(self, topic: str, body: bytes = b"", how: str = "sync", **what: Any) -> Sent | None:
        """Send a message: sync, async, oneway, ordered or oneway ordered (`by` a number)."""
        answer = self.ask("send", how=how, topic=topic, body=b64encode(body).decode(), **what)
        return Sent(**answer) if answer else None

    def send_batch(self, topic: str, bodies: list[bytes]) -> Sent:
        """Send some as one."""
        messages = [{"topic": topic, "body": b64encode(body).decode()} for body in bodies]
        return Sent(**self.ask("send_batch", messages=messages))

    def consume(self, group: str, topic: str, expression: str = "*", **how: Any) -> None:
        """Consume from now on."""
        self.ask("consume", group=group, topic=topic, expression=expression, **how)

    def pull(self, group: str, topic: str, expression: str = "*") -> list[Received]:
        """Pull all that there is."""
        answer = self.ask("pull", group=group, topic=topic, expression=expression)
        return [received(one) for one in answer["messages"]]

    def message(self, seconds: float = SECONDS) -> Received:
        """Wait for the next message."""
        return received(self.said("message", seconds=seconds))

    def messages(self, count: int) -> list[Received]:
        """Wait for so many."""
        return [self.message() for _ in range(count)]

    @property
    def came(self) -> int:
        """How many came that nobody has taken."""
        return self.count("message")


def received(said: dict[str, Any]) -> Received:
    """Return a message, with its body as it was."""
    return Received(**{**said, "body": b64decode(said["body"])})
