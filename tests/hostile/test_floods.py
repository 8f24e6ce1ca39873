"""Thousands who connect, stay silent, dribble or leave: whoever is honest still gets through."""

import logging
import os
import resource
import socket
import statistics
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from anymq.protocols.kafka.schema.generated import api_versions, produce
from anymq.protocols.kafka.schema.generated.api_versions import ApiVersionsRequest
from tests.hostile.room import (
    KIB,
    TOPIC,
    Broker,
    ask,
    create_topic,
    hung_up,
    neighbour_of,
    request,
    running,
    wait_until,
)

pytestmark = pytest.mark.xdist_group("hostile")

measured = logging.getLogger("measured")  # see them: pytest -o log_cli=true --log-level=INFO

ASK = request(api_versions, ApiVersionsRequest(), 0)
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
    settings = {
        "limits.connections_max": CROWD + 100,
        "limits.frame_timeout_ms": 3000,
    }
    with running(settings) as broker:
        create_topic(broker, TOPIC)
        yield broker


@pytest.fixture
def crowd() -> Iterator[list[socket.socket]]:
    """Connections, closed at the end."""
    opened: list[socket.socket] = []
    yield opened
    for sock in opened:
        sock.close()


def connect_times(broker: Broker, count: int) -> list[float]:
    """How long a newcomer waits until it is answered."""
    times = []
    for _ in range(count):
        began = time.monotonic()
        with broker.connect() as sock:
            ask(sock, ASK)
        times.append(time.monotonic() - began)
    return times


def test_an_idle_connection_takes_little(patient: Broker, crowd: list[socket.socket]) -> None:
    count, warm = 2000, 100
    for _ in range(warm):
        crowd.append(patient.connect())
        ask(crowd[-1], ASK)
    before = patient.rss
    for _ in range(count):
        crowd.append(patient.connect())
        ask(crowd[-1], ASK)
    each = (patient.rss - before) / count
    for sock in crowd:
        sock.close()
    measured.info("%d bytes per idle connection", each)
    assert each < 16 * KIB
    wait_until(lambda: patient.metric("anymq_connections") <= 1)


def test_a_crowd_of_slow_ones(patient: Broker, crowd: list[socket.socket]) -> None:
    """Five thousand who send a byte now and then: newcomers are served, and the slow ones go."""
    half = struct.pack(">ihhih", 100, produce.KEY, 9, 1, -1)
    with neighbour_of(patient):
        for _ in range(CROWD):
            crowd.append(patient.connect())
            crowd[-1].sendall(half[:7])
        times = connect_times(patient, 50)
        while patient.metric("anymq_connections") > 100:  # or the test's own time is up
            dribble(crowd)
            times += connect_times(patient, 20)
    times.sort()
    median, slowest = (1000 * time for time in (statistics.median(times), times[-1]))
    measured.info("newcomers: median %.1f ms, slowest %.1f ms", median, slowest)


def dribble(crowd: list[socket.socket]) -> None:
    """One more byte of each."""
    for sock in crowd:
        try:
            sock.send(b"\0")
        except OSError:
            continue


def test_a_crowd_that_comes_and_goes(patient: Broker) -> None:
    """As fast as they can, for three seconds, most of them without a word."""
    stop, done = time.monotonic() + 3.0, [0, 0]

    def churn(number: int) -> None:
        reset = struct.pack("ii", 1, 0)
        while time.monotonic() < stop:
            sock = patient.connect()
            if done[number] % 3 == 0:
                sock.sendall(ASK)
            if done[number] % 2:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            sock.close()
            done[number] += 1

    threads = [threading.Thread(target=churn, args=(number,)) for number in range(2)]
    with neighbour_of(patient) as neighbour:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    measured.info("%d connections/s, neighbour %d rounds", sum(done) / 3, neighbour.rounds)
    assert sum(done) > 1000
    wait_until(lambda: patient.metric("anymq_connections") <= 1)


def test_those_above_the_limit_are_turned_away_and_the_log_stays_short(
    patient: Broker, crowd: list[socket.socket]
) -> None:
    refused = patient.metric("anymq_connections_refused_total")
    crowd += [patient.connect() for _ in range(CROWD + 90)]
    wait_until(lambda: patient.metric("anymq_connections") > CROWD)
    crowd += [patient.connect() for _ in range(300)]
    assert sum(hung_up(sock) for sock in crowd[-200:]) == 200
    ask(crowd[0], ASK)
    for sock in crowd:
        sock.close()
    wait_until(lambda: patient.metric("anymq_connections") < 100)
    assert len(connect_times(patient, 1)) == 1
    assert patient.metric("anymq_connections_refused_total") - refused >= 200
    assert 1 <= patient.output().count("too many") <= 40
    assert os.path.getsize(patient.server.folder / "server.log") < 200 * KIB
