"""RocketMQ's C++ client signs what it asks, at a broker that wants everybody to sign."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymq.testing import EmbeddedBroker

SECONDS = 120
# The library takes a connection that is there at once for one that failed: it may try again.
PROGRAM = """
import sys
from rocketmq.client import Message, Producer
from rocketmq.exceptions import ProducerSendSyncFailed

name_server, user, secret, topic, attempts = sys.argv[1:]
producer = Producer("PG")
producer.set_namesrv_addr(name_server)
if user:
    producer.set_session_credentials(user, secret, "")
producer.start()
for _ in range(int(attempts)):
    try:
        message = Message(topic)
        message.set_body("hello")
        message.set_tags("a")
        message.set_property("color", "blue")
        producer.send_sync(message)
    except ProducerSendSyncFailed:
        continue
    print("it was sent", flush=True)
    break
"""


@pytest.fixture(scope="module")
def guarded() -> Iterator[EmbeddedBroker]:
    rocketmq = {"port": 0, "nameserver_port": 0, "require_login": True}
    with EmbeddedBroker(settings={"rocketmq": rocketmq, "users": {"ada": "a-secret"}}) as running:
        yield running


def sends(broker: EmbeddedBroker, home: Path, user: str, secret: str, attempts: int) -> bool:
    """Can this user send?"""
    name_server = f"127.0.0.1:{broker.ports['rocketmq_nameserver']}"
    arguments = [name_server, user, secret, "orders", str(attempts)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={"HOME": str(home)},  # where it writes its log
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return "it was sent" in done.stdout


def test_who_signs_with_the_right_secret_sends(guarded: EmbeddedBroker, tmp_path: Path) -> None:
    assert sends(guarded, tmp_path, "ada", "a-secret", attempts=20)


@pytest.mark.parametrize(("user", "secret"), [("ada", "wrong"), ("eve", "a-secret"), ("", "")])
def test_who_does_not_is_refused(
    guarded: EmbeddedBroker, tmp_path: Path, user: str, secret: str
) -> None:
    assert not sends(guarded, tmp_path, user, secret, attempts=3)
