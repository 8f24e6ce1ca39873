"""Ask RabbitMQ: `python tests/differential/stomp/record.py` writes its answers to golden/.

It needs one (`./dev peers rabbitmq`), and waits after each step for what may still come.
"""

import json
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from anymq.protocols.stomp.codec import Frame
from anymq.testing.stomp import frames_of
from tests.differential.stomp.dialogues import DIALOGUES
from tests.differential.stomp.talk import have
from tests.peers.process import free_ports
from tests.peers.rabbitmq import PLUGINS, RabbitmqServer

GOLDEN = Path(__file__).with_name("golden")
QUIET_SECONDS = 0.4


class Line:
    """One socket, and what came by it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), QUIET_SECONDS)

    def speak(self, data: bytes, version: str) -> tuple[Sequence[Frame], bool]:
        """Say it, then listen until there is nothing for a while."""
        came, hung_up = b"", False
        try:
            self._socket.sendall(data)
            while True:
                piece = self._socket.recv(65536)
                if not piece:
                    hung_up = True
                    break
                came += piece
        except TimeoutError:
            pass
        except OSError:
            hung_up = True
        return frames_of(came, version), hung_up

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def main() -> None:
    """All dialogues."""
    with tempfile.TemporaryDirectory(prefix="stomp-") as folder:
        (port,) = free_ports(1)
        server = RabbitmqServer(
            Path(folder),
            settings={"stomp.listeners.tcp.1": f"127.0.0.1:{port}"},
            plugins=(*PLUGINS, "rabbitmq_stomp"),
        )
        server.start()
        try:
            answers = {name: record(port, name) for name in DIALOGUES}
            said = {"version": server.version, "answers": answers}
        finally:
            server.stop()
    GOLDEN.mkdir(exist_ok=True)
    text = json.dumps(said, indent=1, ensure_ascii=False)
    (GOLDEN / "rabbitmq.json").write_text(text + "\n")


def record(port: int, name: str) -> list[object]:
    """One."""
    lines: dict[str, Line] = {}

    def speak(client: str, data: bytes, version: str) -> tuple[Sequence[Frame], bool]:
        if client not in lines:
            lines[client] = Line(port)
        return lines[client].speak(data, version)

    try:
        return have(DIALOGUES[name], speak)
    finally:
        for line in lines.values():
            line.close()
        time.sleep(QUIET_SECONDS)  # so that what was exclusive is gone


if __name__ == "__main__":
    main()
