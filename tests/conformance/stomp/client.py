"""stomp.py, with what came in queues."""

from collections.abc import Mapping
from queue import Queue
from typing import Any, Self

import stomp
from stomp.utils import Frame

SECONDS = 30.0
CONNECTIONS = {
    "1.0": stomp.Connection10,
    "1.1": stomp.Connection11,
    "1.2": stomp.Connection12,
}


class Client(stomp.ConnectionListener):  # type: ignore[misc]  # it has no types
    """One connection."""

    def __init__(self, port: int, version: str = "1.2", **options: Any) -> None:
        self.connection = CONNECTIONS[version]([("127.0.0.1", port)], auto_decode=False, **options)
        self.connection.set_listener("", self)
        self._messages: Queue[Frame] = Queue()
        self._receipts: Queue[str] = Queue()
        self._errors: Queue[Frame] = Queue()
        self.version = version

    def connect(self, user: str | None = None, password: str | None = None) -> Self:
        """Come in, or fail."""
        self.connection.connect(user, password, wait=True)
        return self

    def subscribe(self, destination: str, id_: str = "1", ack: str = "auto", **more: str) -> None:
        """Until it is known to be one."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        given = {"destination": destination, "ack": ack, "headers": headers, "receipt": f"s{id_}"}
        self.connection.subscribe(id=id_, **given)
        assert self.receipt() == f"s{id_}"

    def send(self, destination: str, body: str | bytes, **more: str) -> None:
        """Until it is safe."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        self.connection.send(destination, body, headers=headers, receipt="sent")
        assert self.receipt() == "sent"

    def message(self) -> Frame:
        """Wait for the next message."""
        return self._messages.get(timeout=SECONDS)

    def receipt(self) -> str:
        """Wait for the next receipt."""
        return self._receipts.get(timeout=SECONDS)

    def error(self) -> Frame:
        """Wait for the next error."""
        return self._errors.get(timeout=SECONDS)

    def acknowledge(self, message: Frame) -> None:
        """Until it is known to be done with."""
        id_ = _id_of(message.headers, self.version)
        if self.version == "1.1":
            self.connection.ack(id_, message.headers["subscription"], receipt="done")
        else:
            self.connection.ack(id_, receipt="done")
        assert self.receipt() == "done"

    def close(self) -> None:
        """Go."""
        if self.connection.is_connected():
            self.connection.disconnect()

    # What stomp.py tells

    def on_message(self, frame: Frame) -> None:
        """MESSAGE."""
        self._messages.put(frame)

    def on_receipt(self, frame: Frame) -> None:
        """RECEIPT."""
        self._receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame: Frame) -> None:
        """ERROR."""
        self._errors.put(frame)


def _id_of(headers: Mapping[str, str], version: str) -> str:
    return headers["ack" if version == "1.2" else "message-id"]
