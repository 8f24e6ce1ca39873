"""gRPC over TLS: its clients leave where HTTP/2 is not agreed on in the handshake."""

import socket
import ssl
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived

from anymq.testing import EmbeddedBroker
from tests.peers.security import Security


def test_over_tls(tmp_path: Path) -> None:
    """At a port of its own, with the certificate of all ports."""
    Security("SASL_SSL").write_certificates(tmp_path)
    tls = {"certificate": str(tmp_path / "server.crt"), "key": str(tmp_path / "server.key")}
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    context.set_alpn_protocols(["h2"])
    with EmbeddedBroker(settings={"rocketmq": {"grpc_tls_port": 0}, "tls": tls}) as broker:
        address = ("127.0.0.1", broker.ports["rocketmq_grpc_tls"])
        with (
            socket.create_connection(address, 30) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
        ):
            assert sock.selected_alpn_protocol() == "h2"
            assert status_of_an_unknown_call(sock) == "12"


def test_over_tls_at_the_port_without(endpoints: str) -> None:
    """As RocketMQ does: Java, Go, C++ and C# want TLS unless told otherwise, and trust anybody."""
    host, _, port = endpoints.partition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), 30) as plain,
        context.wrap_socket(plain) as sock,
    ):
        assert sock.selected_alpn_protocol() == "h2"
        assert status_of_an_unknown_call(sock) == "12"


def status_of_an_unknown_call(sock: ssl.SSLSocket) -> str:
    """Call what there is not; return how that ended."""
    conn = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    conn.initiate_connection()
    head = [(":method", "POST"), (":scheme", "https"), (":path", "/a.B/C"), (":authority", "b")]
    conn.send_headers(1, [*head, ("content-type", "application/grpc")], end_stream=True)
    sock.sendall(conn.data_to_send())
    while True:
        data = sock.recv(65_536)
        assert data, "the broker hung up"
        for event in conn.receive_data(data):
            if isinstance(event, ResponseReceived):
                return {str(name): str(said) for name, said in event.headers or []}["grpc-status"]
