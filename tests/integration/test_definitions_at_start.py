"""A broker that is told at its start what there is to be: RabbitMQ's `load_definitions`."""

import json
from pathlib import Path

import pika
import pytest

from anymq.management.boot import DefinitionsRefused
from anymq.testing import EmbeddedBroker

# As RabbitMQ exports it; the password is "secret".
HASH = "GIvj4oRzcN2Kju1EFva8ev5pUglPdIXucZIv8Sl9eFqk4tnN"
DOCUMENT = {
    "rabbitmq_version": "4.3.6",
    "users": [{"name": "eve", "password_hash": HASH, "tags": []}],
    "vhosts": [{"name": "v", "metadata": {"default_queue_type": "quorum"}}],
    "permissions": [{"user": "eve", "vhost": "v", "configure": ".*", "write": ".*", "read": ".*"}],
    "policies": [{"vhost": "v", "name": "p", "pattern": "", "definition": {"max-length": 1}}],
    "queues": [{"name": "q", "vhost": "v", "durable": True, "arguments": {}}],
}


def broker(tmp_path: Path, path: Path) -> EmbeddedBroker:
    return EmbeddedBroker(tmp_path / "data", {"server": {"load_definitions": str(path)}})


def connected(running: EmbeddedBroker) -> pika.BlockingConnection:
    login = pika.PlainCredentials("eve", "secret")
    return pika.BlockingConnection(
        pika.ConnectionParameters("127.0.0.1", running.ports["amqp"], "v", login)
    )


def test_clients_find_what_the_file_says(tmp_path: Path) -> None:
    """Each time it starts; what was there already is fine."""
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(DOCUMENT))
    with broker(tmp_path, file) as running:
        for _ in range(2):
            client = connected(running)
            channel = client.channel()
            channel.confirm_delivery()
            for body in (b"1", b"2"):
                channel.basic_publish("", "q", body, pika.BasicProperties(delivery_mode=2))
            assert channel.queue_declare("q", passive=True).method.message_count == 1
            client.close()
            running.restart()


def test_a_directory_of_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    folder.mkdir()
    (folder / "2.json").write_text(json.dumps({"queues": DOCUMENT["queues"]}))
    (folder / "1.json").write_text(json.dumps({**DOCUMENT, "queues": []}))
    with broker(tmp_path, folder) as running:
        connected(running).close()


@pytest.mark.parametrize("content", ["{", "[]", '{"queues": [{"name": "q", "vhost": "nope"}]}'])
def test_a_broker_does_not_start_without_what_it_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "definitions.json"
    file.write_text(content)
    with pytest.raises(DefinitionsRefused, match=r"definitions\.json: "):
        broker(tmp_path, file).start()
