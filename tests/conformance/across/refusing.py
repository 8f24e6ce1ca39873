"""What a STOMP client hears when it may not."""

import threading
from collections.abc import Callable
from typing import Any

import stomp

from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import SECONDS


def stomp_error(
    broker: EmbeddedBroker, do: Callable[[Any], object], user: str = "guest", password: str = ""
) -> str | None:
    """Return what an ERROR says first; None if there was a receipt."""
    heard: list[str | None] = []
    told = threading.Event()

    class Listener(stomp.ConnectionListener):  # type: ignore[misc]
        def on_error(self, frame: Any) -> None:
            heard.append(frame.headers["message"])
            told.set()

        def on_receipt(self, _frame: Any) -> None:
            heard.append(None)
            told.set()

    client = stomp.Connection12([("127.0.0.1", broker.ports["stomp"])], auto_decode=False)
    client.set_listener("", Listener())
    client.connect(user, password or user, wait=True)
    do(client)
    assert told.wait(SECONDS)
    client.disconnect()
    return heard[0]
