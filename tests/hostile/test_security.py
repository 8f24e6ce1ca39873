"""Strangers at a locked door, and at one behind TLS."""

import base64
import contextlib
import logging
import os
import socket
import ssl
import struct
import time
from collections.abc import Iterator

import pytest

from anymq.protocols.kafka.codec import frame
from anymq.protocols.kafka.schema.generated import (
    api_versions,
    metadata,
    produce,
    sasl_authenticate,
    sasl_handshake,
)
from anymq.protocols.kafka.schema.generated.api_versions import ApiVersionsRequest
from anymq.protocols.kafka.schema.generated.metadata import MetadataRequest
from anymq.protocols.kafka.schema.generated.sasl_authenticate import SaslAuthenticateRequest
from anymq.protocols.kafka.schema.generated.sasl_handshake import SaslHandshakeRequest
from anymq.storage import records
from tests.hostile.room import (
    KIB,
    MIB,
    SECONDS,
    Broker,
    answer,
    ask,
    fetch_request,
    header_only,
    hung_up,
    produce_answer,
    produce_request,
    request,
    running,
    wait_until,
)
from tests.peers.security import Security

pytestmark = pytest.mark.xdist_group("hostile")

measured = logging.getLogger("measured")  # see them: pytest -o log_cli=true --log-level=INFO

ASK = request(api_versions, ApiVersionsRequest(), 0)
WHO_ARE_YOU = request(metadata, MetadataRequest(topics=[]), 9)
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
LOGIN_SECONDS = 2.0
RIGHT = b"\0alice\0alice-secret"


@pytest.fixture(scope="module")
def locked() -> Iterator[Broker]:
    settings = {"limits.login_timeout_ms": int(LOGIN_SECONDS * 1000)}
    with running(settings, Security("SASL_PLAINTEXT")) as broker:
        yield broker


def handshake(sock: socket.socket, mechanism: str, version: int = 1) -> int:
    body = SaslHandshakeRequest(mechanism)
    said = ask(sock, request(sasl_handshake, body, version))
    return sasl_handshake.decode_response(said, 4, version).error_code


def authenticate(sock: socket.socket, token: bytes) -> sasl_authenticate.SaslAuthenticateResponse:
    said = ask(sock, request(sasl_authenticate, SaslAuthenticateRequest(token), 1))
    return sasl_authenticate.decode_response(said, 4, 1)


def still_works(broker: Broker) -> None:
    """Somebody with the right password comes in and is served."""
    with broker.connect() as sock:
        assert handshake(sock, "PLAIN") == 0
        assert authenticate(sock, RIGHT).error_code == 0
        assert ask(sock, WHO_ARE_YOU)


TOKENS = {
    "nothing": b"",
    "a zero": b"\0",
    "zeros": bytes(1000),
    "only a name": b"\0alice",
    "no password": b"\0alice\0",
    "no name": b"\0\0alice-secret",
    "another's rights": b"admin\0alice\0alice-secret",
    "more than three parts": b"\0alice\0alice-secret\0",
    "a wrong password": b"\0alice\0guess",
    "nobody's name": b"\0nobody\0alice-secret",
    "no text": b"\0alice\0\xff\xfe",
    "a long password": b"\0alice\0" + b"x" * 60_000,
    "a long name": b"\0" + b"x" * 60_000 + b"\0y",
    "SCRAM without anything": b"n,,",
    "SCRAM with a name only": b"n,,n=alice",
    "SCRAM with channel binding": b"p=tls-unique,,n=alice,r=abc",
    "SCRAM for another": b"n,a=admin,n=alice,r=abc",
    "SCRAM with an empty nonce": b"n,,n=alice,r=",
    "SCRAM with a nonce that is not ASCII": "n,,n=alice,r=ü".encode(),
    "SCRAM with a reserved extension": b"n,,m=x,n=alice,r=abc",
    "SCRAM with a long nonce": b"n,,n=alice,r=" + b"x" * 5000,
    "SCRAM of nobody": b"n,,n=nobody,r=abc",
    "SCRAM that ends before it begins": b"c=biws,r=abc,p=" + base64.b64encode(bytes(32)),
    "chance": os.urandom(300),
    "commas": b"," * 5000,
}


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("what", TOKENS)
def test_no_token_but_the_right_one_opens(locked: Broker, mechanism: str, what: str) -> None:
    with locked.connect() as sock:
        assert handshake(sock, mechanism) == 0
        with contextlib.suppress(ConnectionError):  # the first token of SCRAM may be fine: go on
            first = authenticate(sock, TOKENS[what])
            nonce = first.auth_bytes.partition(b",")[0]
            for proof in (b"", base64.b64encode(bytes(32)), b"\xff", "ü".encode()):
                authenticate(sock, b"c=biws," + nonce + b",p=" + proof)
            authenticate(sock, "c=biws,r=ü,p=".encode())
        with contextlib.suppress(ConnectionError):
            sock.sendall(WHO_ARE_YOU)
        assert hung_up(sock)


@pytest.mark.parametrize("what", TOKENS)
def test_no_raw_token_but_the_right_one_opens(locked: Broker, what: str) -> None:
    with locked.connect() as sock:
        assert handshake(sock, "PLAIN", version=0) == 0
        sock.sendall(frame(TOKENS[what]) + WHO_ARE_YOU)
        assert hung_up(sock)


def test_the_right_one_does(locked: Broker) -> None:
    still_works(locked)
    with locked.connect() as sock:
        assert handshake(sock, "PLAIN", version=0) == 0
        assert ask(sock, frame(RIGHT)) == b""
        assert ask(sock, WHO_ARE_YOU)


@pytest.mark.parametrize(
    "data",
    [
        WHO_ARE_YOU,
        request(produce, produce.ProduceRequest(acks=0), 9),
        struct.pack(">ihhih", 65 * KIB, sasl_authenticate.KEY, 1, 1, -1),
        struct.pack(">ihhih", 100 * MIB, produce.KEY, 9, 1, -1),
        request(sasl_handshake, SaslHandshakeRequest("OAUTHBEARER"), 1),
        request(sasl_handshake, SaslHandshakeRequest("x" * 30_000), 1),
        request(sasl_authenticate, SaslAuthenticateRequest(RIGHT), 1),
        request(sasl_handshake, SaslHandshakeRequest("PLAIN"), 1) + WHO_ARE_YOU,
        request(sasl_handshake, SaslHandshakeRequest("SCRAM-SHA-256"), 1)
        + request(sasl_authenticate, SaslAuthenticateRequest(b"n,,n=alice,r=abc"), 1)
        + WHO_ARE_YOU,
    ],
)
def test_nobody_gets_past_the_login(locked: Broker, data: bytes) -> None:
    with locked.connect() as sock:
        sock.sendall(data)
        assert hung_up(sock)
    still_works(locked)


def test_who_never_logs_in_is_cut_whatever_it_does(locked: Broker) -> None:
    """Silent, dribbling, asking what it may ask, or trying mechanism after mechanism."""
    talk = {
        "silent": b"",
        "dribbling": b"\0",
        "asking": ASK,
        "trying": request(sasl_handshake, SaslHandshakeRequest("SCRAM-SHA-512"), 1),
    }
    socks = {locked.connect(): data for data in talk.values()}
    deadline = time.monotonic() + LOGIN_SECONDS + SECONDS
    while socks and time.monotonic() < deadline:
        for sock, data in list(socks.items()):
            sock.settimeout(0.05)
            with contextlib.suppress(ConnectionError):
                sock.sendall(data)
            try:
                gone = not sock.recv(MIB)
            except TimeoutError:
                continue
            except ConnectionError:
                gone = True
            if gone:
                sock.close()
                del socks[sock]
    assert not socks


def test_a_flood_of_wrong_passwords(locked: Broker) -> None:
    """Checking one is slow by design: who is known here still gets in; who guesses has to wait."""
    still_works(locked)
    socks = []
    for n in range(200):
        socks.append(locked.connect())
        socks[-1].sendall(
            request(sasl_handshake, SaslHandshakeRequest("PLAIN"), 1)
            + request(sasl_authenticate, SaslAuthenticateRequest(b"\0bob\0guess%d" % n), 1)
        )
    began = time.monotonic()
    still_works(locked)
    measured.info("login beside 200 wrong ones: %.3f s", time.monotonic() - began)
    for sock in socks:
        assert hung_up(sock)
        sock.close()
    assert "guess" not in locked.output()
    assert "secret" not in locked.output()


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sealed() -> Iterator[Broker]:
    settings = {"limits.login_timeout_ms": int(LOGIN_SECONDS * 1000)}
    with running(settings, Security("SSL")) as broker:
        wait_until(lambda: comes_in(broker))
        yield broker


def tls(broker: Broker, *, small: bool = False) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(broker.server.folder / "ca.pem"))
    return context.wrap_socket(broker.connect(small=small), server_hostname="localhost")


def comes_in(broker: Broker) -> bool:
    try:
        with tls(broker) as sock:
            return bool(ask(sock, ASK))
    except OSError:
        return False


def test_an_idle_connection_under_tls_takes_little(sealed: Broker) -> None:
    def open_one() -> ssl.SSLSocket:
        sock = tls(sealed)
        ask(sock, ASK)
        return sock

    warm = [open_one() for _ in range(50)]
    before, count = sealed.rss, 300
    crowd = [open_one() for _ in range(count)]
    each = (sealed.rss - before) / count
    measured.info("%d bytes per idle connection under TLS", each)
    for sock in warm + crowd:
        sock.close()
    assert each < 64 * KIB


NO_TLS = {
    "Kafka in clear text": ASK,
    "a web browser": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zeros": bytes(100_000),
    "chance": os.urandom(10_000),
    "a record of the wrong size": b"\x16\x03\x01\xff\xff" + bytes(70_000),
    "a hello that is none": b"\x16\x03\x01\x00\x10\x01\x00\x00\x0c" + b"\xff" * 12,
    "SSL 2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0"),
    "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
}


@pytest.mark.parametrize("what", NO_TLS)
def test_what_is_not_tls_ends_that_connection(sealed: Broker, what: str) -> None:
    with tls(sealed) as beside, sealed.connect() as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(NO_TLS[what])
        assert hung_up(sock)
        ask(beside, ASK)


def test_frames_under_tls_have_the_same_limits(sealed: Broker) -> None:
    with tls(sealed) as sock:
        sock.sendall(frame(header_only(9999, 0)))
        assert hung_up(sock)


def test_handshakes_that_never_end(sealed: Broker) -> None:
    """Three hundred of them, silent or in the middle: they go when their time is up."""
    socks = [sealed.connect() for _ in range(300)]
    for sock in socks[::2]:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    assert comes_in(sealed)
    wait_until(lambda: sealed.metric("anymq_connections") <= 1)
    for sock in socks:
        assert hung_up(sock)
        sock.close()


def test_consumers_under_tls_that_do_not_read(sealed: Broker) -> None:
    """What waits is what could not be avoided: a piece that is encrypted, not the whole answer."""
    batch = records.build_run([os.urandom(100 * KIB)] * 10, timestamp=1_700_000_000_000)
    with tls(sealed) as sock:
        ask(
            sock,
            request(
                metadata, MetadataRequest([metadata.MetadataRequestTopic(name="backlog")], True), 9
            ),
        )
        for _ in range(8):
            assert produce_answer(ask(sock, produce_request("backlog", batch))).error_code == 0
    before, count = sealed.rss, 100
    socks = []
    for _ in range(count):
        socks.append(tls(sealed, small=True))
        socks[-1].sendall(fetch_request("backlog", 0, 8 * MIB) * 2)
    assert comes_in(sealed)
    wait_until(lambda: sealed.metric("anymq_connections") >= count)
    each = (sealed.rss - before) / count
    measured.info("%d bytes per stalled consumer under TLS", each)
    assert each < 256 * KIB
    assert len(answer(socks[0])) > 7 * MIB
    for sock in socks:
        sock.close()
