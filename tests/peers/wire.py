"""As much of the protocol, by hand, as it takes to see that a server answers."""

import socket
import struct

ASK_SECONDS = 2.0
# length, API key 18 (ApiVersions), version 0, correlation id 1, no client id
API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
# length, API key 3 (Metadata), version 1, correlation id 2, no client id, no topics
METADATA = struct.pack(">ihhihi", 14, 3, 1, 2, -1, 0)


def is_ready(port: int) -> bool:
    """Whether the server on this port answers, and names at least one broker to talk to."""
    try:
        with socket.create_connection(("127.0.0.1", port), ASK_SECONDS) as connection:
            return _brokers(ask(connection, METADATA)) > 0
    except OSError:
        return False


def ask(connection: socket.socket, request: bytes) -> bytes:
    """One request, one answer without its length."""
    connection.sendall(request)
    (size,) = struct.unpack(">i", receive_exactly(connection, 4))
    return receive_exactly(connection, size)


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """This many bytes, or ConnectionError."""
    parts = []
    while size:
        part = connection.recv(size)
        if not part:
            raise ConnectionError("the server closed the connection")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _brokers(metadata: bytes) -> int:
    (count,) = struct.unpack_from(">i", metadata, 4)
    return int(count)
