"""SIGHUP: new certificates, users and settings, and nobody is hung up on."""

import os
import re
import signal
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.peers.anymq import AnymqServer
from tests.peers.security import Security
from tests.peers.wire import API_VERSIONS, ask

from anymq.protocols.kafka.codec import RequestHeader, encode_request_header, frame
from anymq.protocols.kafka.schema.generated import metadata
from anymq.protocols.kafka.schema.generated.metadata import MetadataRequest, MetadataRequestTopic

SECONDS = 30.0
VERSION = 4


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="anymq-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def server(folder: Path) -> Iterator[AnymqServer]:
    """A broker with TLS."""
    server = AnymqServer(folder, {"log.format": "json"}, Security("SSL"))
    try:
        server.start()
        wait_for(server, lambda: connected(server))
        yield server
    finally:
        server.stop()


def connect(server: AnymqServer) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(server.folder / "ca.pem"))
    host, _, port = server.bootstrap.rpartition(":")
    sock = socket.create_connection((host, int(port)), SECONDS)
    return context.wrap_socket(sock, server_hostname="localhost")


def connected(server: AnymqServer) -> bool:
    try:
        with connect(server) as sock:
            return bool(ask(sock, API_VERSIONS))
    except OSError:
        return False


def said(server: AnymqServer) -> str:
    return (server.folder / "server.log").read_text()


def wait_for(server: AnymqServer, true: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, said(server)
        time.sleep(0.01)


def hang_up(server: AnymqServer) -> None:
    """Send the signal; return when it has had its effect."""
    before = said(server).count("reloaded")
    os.kill(server.pid, signal.SIGHUP)
    wait_for(server, lambda: said(server).count("reloaded") > before)


def partitions_of_new(sock: ssl.SSLSocket, topic: str) -> int:
    body = MetadataRequest([MetadataRequestTopic(name=topic)], allow_auto_topic_creation=True)
    head = encode_request_header(RequestHeader(metadata.KEY, VERSION, 1, None), False)
    answer = ask(sock, frame(head, metadata.encode_request(body, VERSION)))
    return len(metadata.decode_response(answer, 4, VERSION).topics[0].partitions)


def test_a_new_certificate_without_a_new_start(server: AnymqServer) -> None:
    assert server.security is not None
    with connect(server) as before:
        server.security.write_certificates(server.folder)  # of another authority
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server)
        hang_up(server)
        with connect(server) as after:
            ask(after, API_VERSIONS)
        ask(before, API_VERSIONS)


def test_a_certificate_that_is_no_good_changes_nothing(server: AnymqServer) -> None:
    (server.folder / "server.crt").write_text("this is no certificate")
    hang_up(server)
    assert "the certificate is no good" in said(server)
    with connect(server) as sock:
        ask(sock, API_VERSIONS)


def test_live_settings_hold_and_others_are_named(server: AnymqServer) -> None:
    config = server.folder / "anymq.toml"
    with connect(server) as sock:
        assert partitions_of_new(sock, "before") == 1
        text = config.read_text() + "[topics]\npartitions = 3\nretention_ms = 1000\n"
        config.write_text(text)
        hang_up(server)
        assert partitions_of_new(sock, "after") == 3
    assert re.search(r'"changed":"topics.partitions"', said(server))
    assert re.search(r'"settings":"topics.retention_ms"', said(server))


def test_settings_that_are_wrong_change_nothing(server: AnymqServer) -> None:
    config = server.folder / "anymq.toml"
    config.write_text(config.read_text() + "[topics]\ncolour = 3\n")
    hang_up(server)
    assert "there is no setting topics.colour" in said(server)
    with connect(server) as sock:
        assert partitions_of_new(sock, "topic") == 1
