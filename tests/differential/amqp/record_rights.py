"""Ask a RabbitMQ every operation by every combination of rights, and keep what it says.

`python -m tests.differential.amqp.record_rights`; tests/unit/protocols/amqp/test_rights_matrix.py
compares.
"""

import base64
import hashlib
import json
import socket
import struct
import sys
import tempfile
from pathlib import Path

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import AMQP_0_9_1, method_frame
from anymq.protocols.amqp.methods import Method, decode
from tests.peers.rabbitmq import RabbitmqServer
from tests.unit.protocols.amqp import rights_matrix as matrix

GOLDEN = Path(matrix.__file__).with_name("rights_matrix.json")
SECONDS = 30.0


class Remote:
    """A user at a broker behind a port; it comes back when it is thrown out."""

    def __init__(self, port: int, user: str) -> None:
        self._port = port
        self._user = user
        self._connect()

    def ask(self, data: bytes) -> list[Method]:
        """Say this on channel 1; hear until qos-ok, or a close."""
        self._socket.sendall(data)
        heard: list[Method] = []
        while not heard or not isinstance(heard[-1], _LAST):
            heard.append(self._hear())
        if isinstance(heard[-1], methods.ConnectionClose):
            self._socket.close()
            self._connect()
        elif isinstance(heard[-1], methods.ChannelClose):
            self._say(1, methods.ChannelCloseOk())
            self._say(1, methods.ChannelOpen())
            assert isinstance(self._hear(), methods.ChannelOpenOk)
        else:
            self._reopen()
        return heard

    def _reopen(self) -> None:
        self._say(1, methods.ChannelClose(200, "", 0, 0))
        while not isinstance(self._hear(), methods.ChannelCloseOk):
            pass
        self._say(1, methods.ChannelOpen())
        assert isinstance(self._hear(), methods.ChannelOpenOk)

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), SECONDS)
        self._file = self._socket.makefile("rb")
        self._socket.sendall(AMQP_0_9_1)
        self._hear()
        response = f"\0{self._user}\0{matrix.PASSWORD}".encode()
        self._say(0, methods.ConnectionStartOk({}, "PLAIN", response, "en_US"))
        tune = self._hear()
        assert isinstance(tune, methods.ConnectionTune), tune
        self._say(0, methods.ConnectionTuneOk(tune.channel_max, tune.frame_max, 0))
        self._say(0, methods.ConnectionOpen("/"))
        assert isinstance(self._hear(), methods.ConnectionOpenOk)
        self._say(1, methods.ChannelOpen())
        assert isinstance(self._hear(), methods.ChannelOpenOk)

    def _say(self, channel: int, method: Method) -> None:
        self._socket.sendall(method_frame(channel, method))

    def _hear(self) -> Method:
        """Return the next method; what messages bring is passed over."""
        while True:
            kind, _, size = struct.unpack(">BHI", self._file.read(7))
            payload = self._file.read(size + 1)[:-1]
            if kind == 1:
                return decode(payload)


_LAST = methods.BasicQosOk | methods.ChannelClose | methods.ConnectionClose


def definitions() -> str:
    """All users and their rights, as RabbitMQ reads them."""
    salt = b"salt"
    digest = hashlib.sha256(salt + matrix.PASSWORD.encode()).digest()
    hashed = base64.b64encode(salt + digest).decode()
    user = {"password_hash": hashed, "hashing_algorithm": "rabbit_password_hashing_sha256"}
    rights = {each.name: each.patterns for each in matrix.users()}
    fields = ("configure", "write", "read")
    topic = {"vhost": "/", "exchange": "amq.topic", "write": matrix.KEYS, "read": matrix.KEYS}
    everyone = {"root": (".*", ".*", ".*"), **rights}
    return json.dumps(
        {
            "vhosts": [{"name": "/"}],
            "users": [{"name": name, "tags": "", **user} for name in everyone],
            "permissions": [
                {"user": name, "vhost": "/", **dict(zip(fields, three, strict=True))}
                for name, three in everyone.items()
            ],
            "topic_permissions": [{"user": name, **topic} for name in rights],
        }
    )


def main() -> int:
    """Record."""
    with tempfile.TemporaryDirectory(prefix="anymq-") as folder:
        server = RabbitmqServer(Path(folder))
        place = Path(folder) / "definitions.json"
        place.write_text(definitions())
        server.settings = {
            "load_definitions": str(server._edition().seen(Path(folder)) / place.name)
        }
        try:
            server.start()
            said = ask(server.amqp_port)
            GOLDEN.write_text(
                json.dumps({"version": server.version, "said": matrix.grouped(said)}, indent=1)
                + "\n"
            )
        finally:
            server.stop()
    return 0


def ask(port: int) -> dict[tuple[str, str], str]:
    """Have everybody try everything."""
    root = Remote(port, "root")
    said = {}
    for user in matrix.users():
        client = Remote(port, user.name)
        for operation in matrix.OPERATIONS:
            said[operation, user.name] = matrix.outcome(root, client, user, operation)
    return said


if __name__ == "__main__":
    sys.exit(main())
