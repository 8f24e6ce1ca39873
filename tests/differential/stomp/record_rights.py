"""Ask a RabbitMQ every frame of STOMP by every combination of rights, and keep who may.

`python -m tests.differential.stomp.record_rights`; tests/unit/protocols/stomp/test_rights_matrix.py
compares.
"""

import json
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import ChannelClosedByBroker

from anymq.protocols.stomp.codec import Frame
from anymq.protocols.stomp.dialect import RABBITMQ
from tests.hostile.room import SECONDS
from tests.hostile.stomp import StompClient
from tests.peers.process import free_ports
from tests.peers.rabbitmq import PLUGINS, RabbitmqServer
from tests.unit.protocols.amqp.rights_matrix import PASSWORD, password_hash
from tests.unit.protocols.stomp import test_rights_matrix as matrix
from tests.unit.protocols.stomp.test_rights_matrix import Operation

GOLDEN = Path(matrix.__file__).with_name("rights_matrix.json")


def main() -> None:
    """Write it down."""
    with tempfile.TemporaryDirectory(prefix="rights-") as name:
        folder, (port,) = Path(name), free_ports(1)
        (folder / "users.json").write_text(json.dumps(_definitions()))
        server = RabbitmqServer(
            folder,
            settings={"stomp.listeners.tcp.1": f"127.0.0.1:{port}"},
            plugins=(*PLUGINS, "rabbitmq_stomp"),
        )
        seen = server._edition().seen(folder) / "users.json"
        server.settings = {**server.settings, "load_definitions": str(seen)}
        server.start()
        try:
            said = {"version": server.version, "may": _ask_all(server.amqp_port, port)}
        finally:
            server.stop()
    GOLDEN.write_text(json.dumps(said, indent=1) + "\n")


def _definitions() -> dict[str, object]:
    everybody = [("root", (".*",) * 3), *matrix.EVERYBODY]
    users = [
        {
            "name": name,
            "password_hash": password_hash(),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "",
        }
        for name, _ in everybody
    ]
    permissions = [
        {"user": name, "vhost": "/", "configure": rights[0], "write": rights[1], "read": rights[2]}
        for name, rights in everybody
    ]
    return {"users": users, "vhosts": [{"name": "/"}], "permissions": permissions}


def _ask_all(amqp_port: int, port: int) -> dict[str, list[str]]:
    credentials = pika.PlainCredentials("root", PASSWORD)
    parameters = pika.ConnectionParameters("127.0.0.1", amqp_port, credentials=credentials)
    may: dict[str, list[str]] = {}
    with pika.BlockingConnection(parameters) as connection:
        connection.channel().exchange_declare("x", durable=True)
        for name, operation in matrix.OPERATIONS.items():
            if operation.dialect is RABBITMQ:
                may[name] = [
                    person.name
                    for person in matrix.EVERYBODY
                    if _tried(connection, port, person.name, operation)
                ]
    return may


def _lay_out(connection: BlockingConnection) -> None:
    """There is a queue q with one message; what somebody had for himself goes a little later."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with suppress(ChannelClosedByBroker):
            channel = connection.channel()
            for queue in ("qnew", "qown", "q"):
                channel.queue_delete(queue)
            channel.queue_declare("q", durable=True)
            channel.basic_publish("", "q", b"")
            channel.close()
            return
        time.sleep(0.01)
    raise TimeoutError("a queue does not go")


def _tried(connection: BlockingConnection, port: int, user: str, operation: Operation) -> bool:
    _lay_out(connection)
    client = StompClient(port)
    client.say(
        "CONNECT", accept_version="1.2", host="/", login=user, passcode=PASSWORD, client_id="c"
    )
    assert client.hear().command == "CONNECTED"
    try:
        return _says(client, operation)
    finally:
        client.abort()


def _says(client: StompClient, operation: Operation) -> bool:
    """Say it; was it allowed?"""
    *before, last = operation.said
    ack = "none@@none@@0"
    for frame in (*before, Frame(last.command, {**last.headers, "receipt": "r"})):
        headers = dict(frame.headers)
        if frame.command in ("ACK", "NACK"):
            headers = {"id": ack, **headers}
        with suppress(ConnectionError):
            client.say(frame.command, frame.body, **headers)
        if frame.command == "SUBSCRIBE" and before:
            heard = client.hear() if "amq/queue" in headers["destination"] else None
            if heard is not None and heard.command == "ERROR":
                return False
            ack = heard.headers["ack"] if heard is not None else ack
    while (last := client.hear()).command not in ("RECEIPT", "ERROR"):
        pass
    return last.command == "RECEIPT"


if __name__ == "__main__":
    main()
