"""Ask RabbitMQ's own rabbitmqctl, keep what it says: `python -m tests.differential.cli.record`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pika

from tests.differential.cli.session import COMMANDS, DIAGNOSTICS, Ended, commands
from tests.peers.rabbitmq import RabbitmqServer

HERE = Path(__file__).resolve().parent
KEPT = HERE / "rabbitmq.json"


def main() -> int:
    """Record it; a minute or five, for Erlang starts anew for each."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = RabbitmqServer(Path(folder)).start()
        try:
            set_up(server.amqp_port)
            said = {
                tool: [asked(server, tool, words) for _, words, _ in commands(text)]
                for tool, text in (("rabbitmqctl", COMMANDS), ("rabbitmq-diagnostics", DIAGNOSTICS))
            }
            node = server.node_name
            kept = {"version": server.version, "node": node, **said}
        finally:
            server.stop()
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return 0


def set_up(port: int) -> None:
    """Declare what the commands talk about."""
    parameters = pika.ConnectionParameters("127.0.0.1", port)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True, arguments={"x-max-length": 10})
        channel.queue_declare("qq", durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_declare("gone", durable=True, arguments={"x-message-ttl": 60_000})
        channel.exchange_declare("x", "topic", durable=True)
        channel.queue_bind("qq", "x", "a.#")
        channel.confirm_delivery()
        channel.basic_publish("", "qq", b"hello")


def asked(server: RabbitmqServer, tool: str, words: list[str]) -> list[object]:
    """Run one command."""
    done = subprocess.run(
        server.tool(tool, *words),
        env={**server.environment, "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ended = Ended(done.returncode, done.stdout, done.stderr)
    print(f"{ended.status} {' '.join(words)}", flush=True)
    return [ended.status, ended.out, ended.err]


if __name__ == "__main__":
    sys.exit(main())
