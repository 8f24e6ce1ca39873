"""Brokers between which shovels go, and what is in them."""

import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import pika
from tests.peers.http_api import ask

PATIENCE_SECONDS = 60.0
T = TypeVar("T")


def until(look: Callable[[], T | None]) -> T:
    """Look until there is something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.01)
    raise AssertionError("it does not come")


class Place:
    """A broker of AMQP with an HTTP API, ours or RabbitMQ."""

    def __init__(self, amqp_port: int, http_port: int) -> None:
        self.amqp_port = amqp_port
        self.http_port = http_port
        self.url = f"amqp://guest:guest@127.0.0.1:{amqp_port}/%2F"
        parameters = pika.URLParameters(self.url)
        self._client = pika.BlockingConnection(parameters)
        self.channel = self._client.channel()
        self.channel.confirm_delivery()

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def declare(self, queue: str, **arguments: Any) -> None:
        """Make a queue that lasts."""
        self.channel.queue_declare(queue, durable=True, arguments=arguments)

    def publish(self, queue: str, *bodies: bytes, **properties: Any) -> None:
        """Publish to it; return when that is confirmed."""
        said = pika.BasicProperties(delivery_mode=2, **properties)
        for body in bodies:
            self.channel.basic_publish("", queue, body, said)

    def take(self, queue: str, count: int) -> list[tuple[Any, Any, bytes]]:
        """Take so many messages out of it, in their order."""
        found: list[tuple[Any, Any, bytes]] = []

        def more() -> bool | None:
            got = self._get(queue)
            if got is not None:
                found.append(got)
            return True if len(found) >= count else None

        until(more)
        return found

    def _get(self, queue: str) -> tuple[Any, Any, bytes] | None:
        if not self.channel.is_open:
            self.channel = self._client.channel()
            self.channel.confirm_delivery()
        try:
            method, properties, body = self.channel.basic_get(queue, auto_ack=True)
        except pika.exceptions.ChannelClosedByBroker:  # it is not there yet
            return None
        return None if method is None else (method, properties, body)

    def bodies(self, queue: str, count: int) -> list[bytes]:
        """Take so many; return what they say."""
        return [body for _, _, body in self.take(queue, count)]

    def count(self, queue: str) -> int:
        """Return how many wait there."""
        found = self.channel.queue_declare(queue, passive=True)
        return int(found.method.message_count)

    # Shovels

    def set_shovel(self, name: str, **said: Any) -> tuple[int, Any]:
        """Have it; `src_uri` stands for src-uri."""
        value = {key.replace("_", "-"): each for key, each in said.items()}
        return self.ask("PUT", f"parameters/shovel/%2F/{name}", {"value": value})

    def shovel(self, name: str) -> dict[str, Any] | None:
        """Return how it is."""
        _, rows = self.ask("GET", "shovels/%2F")
        return next((row for row in rows if row["name"] == name), None)

    def until_state(self, name: str, *states: str) -> dict[str, Any]:
        """Wait until it is so."""

        def look() -> dict[str, Any] | None:
            found = self.shovel(name)
            return found if found is not None and found["state"] in states else None

        return until(look)

    def delete_shovel(self, name: str) -> None:
        """Have it no more."""
        self.ask("DELETE", f"shovels/vhost/%2F/{quote(name, safe='')}")

    def ask(
        self, method: str, path: str, body: object = None, login: str = "guest:guest"
    ) -> tuple[int, Any]:
        """Ask its HTTP API."""
        return ask(self.http_port, method, path, body, login)
