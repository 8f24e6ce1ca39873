"""Thousands of AMQP clients who say nothing, little or the wrong password; and who vanish."""

import logging
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.amqp import (
    HEADER,
    Client,
    all_gone,
    ask,
    connect,
    connections,
    drained,
    expect,
    fill,
    hangs_up,
    log_in,
    message,
    received,
    said_of_it,
    start_ok,
    stranger,
    unharmed,
)
from tests.hostile.room import KIB, MIB, SECONDS, Broker, running, wait_until
from tests.peers.anymq import Value

pytestmark = pytest.mark.xdist_group("hostile-amqp")

measured = logging.getLogger("measured")  # see them: pytest -o log_cli=true --log-level=INFO

CROWD = 5000


@pytest.fixture(scope="module", autouse=True)
def handles() -> Iterator[None]:
    """Both sides need one for each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + 1000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} file handles, there are {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def patient() -> Iterator[Broker]:
    """A broker with the time-outs of a test."""
    settings: dict[str, Value] = {
        "limits.connections_max": CROWD + 100,
        "limits.login_timeout_ms": 3000,
        "security.login_failures_max": -1,  # or who comes from where the guesses came from waits
    }
    with running(settings) as broker:
        with unharmed(broker):  # so that what it takes is taken
            pass
        yield broker


@pytest.fixture
def crowd(patient: Broker) -> Iterator[list[Client]]:
    """Connections, closed at the end."""
    opened: list[Client] = []
    yield opened
    for client in opened:
        client.abort()
    all_gone(patient)


def handles_of(broker: Broker) -> int:
    """How many files and sockets it has open."""
    return len(list(Path(f"/proc/{broker.server.pid}/fd").iterdir()))


def test_an_idle_connection_takes_little(patient: Broker, crowd: list[Client]) -> None:
    """First of all: later ones may get what earlier ones left."""
    count = 1000
    crowd += [connect(patient) for _ in range(100)]  # what is taken once is taken
    before = patient.rss
    crowd += [log_in(patient) for _ in range(count)]
    each = (patient.rss - before) / count
    measured.info("%d bytes per idle AMQP connection", each)
    assert each < 16 * KIB


def test_an_idle_channel_takes_little(patient: Broker, crowd: list[Client]) -> None:
    connected, count = 10, 1000
    crowd += [log_in(patient) for _ in range(connected)]
    before = patient.rss
    for client in crowd:
        for number in range(1, count + 1):
            client.method(number, "channel.open")
        for number in range(1, count + 1):
            expect(client, "channel.open-ok", channel=number)
    each = (patient.rss - before) / connected / count
    measured.info("%d bytes per idle channel", each)
    assert each < 16 * KIB


@pytest.mark.parametrize("durable", [True, False])
def test_an_idle_queue_takes_little(patient: Broker, crowd: list[Client], durable: bool) -> None:
    count = 1000
    crowd.append(client := connect(patient))
    before, handles = patient.rss, handles_of(patient)
    for number in range(count):
        client.method(1, "queue.declare", queue=f"idle-{number}", durable=durable, nowait=True)
    ask(client, "queue.declare", queue="the last", auto_delete=True)
    each = (patient.rss - before) / count
    measured.info("%d bytes per %s queue", each, "durable" if durable else "transient")
    assert each < 16 * KIB
    assert handles_of(patient) < handles + 1100
    for number in range(count):
        client.method(1, "queue.delete", queue=f"idle-{number}", nowait=True)
    ask(client, "queue.delete", queue="the last")


def test_a_crowd_that_never_logs_in(patient: Broker, crowd: list[Client]) -> None:
    """Silent, or one byte at a time: newcomers are served, and when its time is over it goes."""
    with unharmed(patient):
        for number in range(CROWD):
            crowd.append(stranger(patient))
            crowd[-1].send(HEADER[: number % 8])  # nothing, or the beginning of a greeting
        wait_until(lambda: connections(patient) > CROWD)
        while connections(patient) > 2:
            for client in crowd[::10]:
                client.send(HEADER[:1])  # not what would come next, often
    assert all(hangs_up(client) for client in crowd[::100])


def test_who_writes_byte_by_byte_is_served(patient: Broker) -> None:
    """Slow is not wrong: a whole conversation, one byte in each packet."""
    client = connect(patient)
    ask(client, "queue.declare", queue="slowly", exclusive=True)
    ask(client, "confirm.select")
    for octet in message("slowly", b"hello"):
        client.send(bytes((octet,)))
    expect(client, "basic.ack")
    ask(client, "basic.consume", queue="slowly", no_ack=True)
    assert received(client, 1) == [b"hello"]
    client.abort()


def test_who_comes_and_goes_leaves_nothing(patient: Broker) -> None:
    """Two thousand connects with a queue each; some say goodbye, some leave, some break off."""
    churn(patient, 300)
    all_gone(patient)
    rss, handles = patient.rss, handles_of(patient)
    with unharmed(patient):
        churn(patient, 2000)
    all_gone(patient)
    wait_until(lambda: handles_of(patient) <= handles + 2)
    grown = patient.rss - rss
    measured.info("%d KiB more after 2,000 connects", grown // KIB)
    assert grown < 8 * MIB
    assert drained(patient, "left-behind") == []


def churn(broker: Broker, count: int) -> None:
    boss = connect(broker)
    ask(boss, "queue.declare", queue="left-behind")
    for number in range(count):
        client = connect(broker)
        ask(client, "queue.declare", exclusive=True)
        ask(client, "basic.consume", queue="left-behind")
        if number % 3 == 0:
            client.method(0, "connection.close", reply_code=200)
            client.reply(0, {"connection.close-ok"}, SECONDS)
        client.abort(reset=number % 3 == 1)
    boss.abort()


def test_wrong_passwords_in_masses(patient: Broker, crowd: list[Client]) -> None:
    """Each guess is refused, counted and not written at length; the honest one is served."""
    guesses = 500
    before = patient.metric("anymq_logins_failed_total")
    with unharmed(patient):
        for number in range(guesses):
            crowd.append(client := stranger(patient))
            client.send(HEADER + start_ok("guest", f"guess {number}"))
        for client in crowd:
            code, text = said_of_it(client)
            assert code == 403
            assert text.startswith("ACCESS_REFUSED - Login was refused")
            client.method(0, "connection.close-ok")
            assert hangs_up(client)
    assert patient.metric("anymq_logins_failed_total") == before + guesses
    assert "guess 1" not in patient.output()
    assert patient.output().count("login refused") < 100


def test_half_open_peers_are_noticed_and_what_they_held_comes_once(patient: Broker) -> None:
    """Twice the heartbeat without a word: it is gone, and its messages go to the next."""
    boss = connect(patient)
    ask(boss, "queue.declare", queue="held")
    fill(boss, "held", 20, b"work")
    peer = connect(patient, heartbeat=1)
    ask(peer, "basic.consume", queue="held")
    received(peer, 20)
    ask(boss, "basic.consume", queue="held")
    deliveries = [expect(boss, "basic.deliver") for _ in range(20)]
    assert all(each.arguments["redelivered"] for each in deliveries)
    assert [each.arguments["delivery_tag"] for each in deliveries] == list(range(1, 21))
    assert ask(boss, "queue.declare", queue="held").arguments["message_count"] == 0
    assert hangs_up(peer)
    assert peer.heartbeats, "it was told that we are here"
    ask(boss, "queue.delete", queue="held")
    boss.abort()
    peer.abort()


def test_who_only_sends_heartbeats_stays(patient: Broker) -> None:
    client = connect(patient, heartbeat=1)
    for _ in range(3):  # one comes each second
        client.next_heartbeat(SECONDS)
        client.send(b"\x08\0\0\0\0\0\0\xce")
    ask(client, "queue.declare", queue="still here", exclusive=True)
    client.abort()
