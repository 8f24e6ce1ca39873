"""One connection to a broker: requests out, answers in, in order. It blocks."""

import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from anymq.cli.kafka import sasl
from anymq.cli.kafka.address import Address
from anymq.cli.kafka.errors import CannotConnect, ConnectionLost, LoginFailed, error_text
from anymq.cli.kafka.security import Login, Security
from anymq.protocols.kafka.codec import (
    Buffer,
    MalformedFrame,
    RequestHeader,
    decode_response_header,
    encode_request_header,
    frame,
    response_header_is_flexible,
)
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import api_versions, sasl_authenticate, sasl_handshake

Q = TypeVar("Q")
A = TypeVar("A")
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)

TRY_THIS = "Is the broker running there (anymq serve)? Another one: --bootstrap-server HOST:PORT"
TLS_HINT = "Does it want TLS? --tls, or security.protocol in --command-config"
LOGIN_HINT = "Does it want a login? --user, or sasl.jaas.config in --command-config"

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
FRAME_BYTES_MAX = 256 * 1024 * 1024  # beyond what any fetch of ours asks for

# By the first two bytes of what came instead of an answer.
OTHER_PROTOCOLS = {
    0x1503: "it speaks TLS: --tls, or security.protocol in --command-config",
    0x4854: "it speaks HTTP",
}

# Later versions name topics by id, which these tools have no need of.
VERSION_MAX = {0: 12, 1: 12, 8: 9, 9: 9, api_versions.KEY: 4}
# What one can ask before one knows what the broker speaks: since Kafka 2.4.
API_VERSIONS_FIRST = 3


class Api(Protocol[Q_contra, A_co]):
    """What a module in `schema/generated` offers."""

    KEY: int
    MIN_VERSION: int
    MAX_VERSION: int
    FLEXIBLE: int

    def encode_request(self, msg: Q_contra, version: int) -> bytes:
        """Write a request."""

    def decode_response(self, buf: Buffer, pos: int, version: int) -> A_co:
        """Read an answer."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[A]):
    """A request whose answer is still to be received."""

    correlation_id: int
    flexible: bool
    decode: Callable[[Buffer, int], A]


class Connection:
    """Connected and logged in, once made."""

    def __init__(
        self, address: Address, security: Security, client_id: str, seconds: float = ANSWER_SECONDS
    ) -> None:
        self.address = address
        self.versions: dict[int, tuple[int, int]] = {}
        self._client_id = client_id
        self._seconds = seconds
        self._correlation_id = 0
        self._trusted = False  # did it answer anything beyond the first words?
        self._may_want_login = security.login is None
        self._socket = _open(address, security)
        try:
            self._introduce()
            if security.login is not None:
                self._log_in(security.login)
        except BaseException:
            self.close()
            raise

    def call(self, api: Api[Q, A], request: Q, seconds: float | None = None) -> A:
        """Ask, and wait for the answer."""
        return self.receive(self.send(api, request), seconds)

    def version_of(self, api: Api[Q, A]) -> int:
        """Choose the newest version that both sides speak."""
        low, high = self.versions.get(api.KEY, (0, -1))
        version = min(high, api.MAX_VERSION, VERSION_MAX.get(api.KEY, api.MAX_VERSION))
        if version < max(low, api.MIN_VERSION):
            name = str(getattr(api, "__name__", api.KEY)).rpartition(".")[2]
            raise ConnectionLost(f"{self.address} does not speak {name} as we do")
        return version

    def knows(self, api: Api[Q, A]) -> bool:
        """Does the broker answer such requests?"""
        return api.KEY in self.versions

    def send(self, api: Api[Q, A], request: Q) -> Asked[A]:
        """Ask; hand what this returns to `receive`, in the order of asking."""
        return self._send(api, request, self.version_of(api))

    def _send(self, api: Api[Q, A], request: Q, version: int) -> Asked[A]:
        self._correlation_id += 1
        number = self._correlation_id
        flexible = version >= api.FLEXIBLE
        header = RequestHeader(api.KEY, version, number, self._client_id)
        body = api.encode_request(request, version)
        try:
            self._socket.settimeout(self._seconds)
            self._socket.sendall(frame(encode_request_header(header, flexible), body))
        except OSError as error:
            raise self._lost(error) from error
        return Asked(
            number,
            response_header_is_flexible(api.KEY, flexible),
            lambda data, pos: api.decode_response(data, pos, version),
        )

    def receive(self, asked: Asked[A], seconds: float | None = None) -> A:
        """Wait for the answer to what was asked longest ago."""
        try:
            self._socket.settimeout(self._seconds if seconds is None else seconds)
            data, pos = self._answer_to(asked.correlation_id, asked.flexible)
            answer = asked.decode(data, pos)
        except MalformedFrame as error:
            raise CannotConnect(f"{self.address} does not speak Kafka: {error}") from error
        except OSError as error:
            raise self._lost(error) from error
        self._trusted = bool(self.versions)
        return answer

    def _answer_to(self, wanted: int, flexible: bool) -> tuple[memoryview, int]:
        """Receive the answer; pass over those that nobody waits for any more."""
        while True:
            data = self._receive_frame()
            number, pos = decode_response_header(data, flexible)
            if number == wanted:
                return data, pos
            if number > wanted:
                raise MalformedFrame("answers come in another order than questions")

    def _receive_frame(self) -> memoryview:
        (size,) = struct.unpack(">i", self._receive_bytes(4))
        if not 0 < size <= FRAME_BYTES_MAX:
            raise MalformedFrame(OTHER_PROTOCOLS.get(size >> 16, f"an answer of {size} bytes"))
        return self._receive_bytes(size)

    def _receive_bytes(self, size: int) -> memoryview:
        data = bytearray(size)
        view, have = memoryview(data), 0
        while have < size:
            count = self._socket.recv_into(view[have:])
            if not count:
                raise ConnectionResetError("it closed the connection")
            have += count
        return view

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _lost(self, error: OSError) -> ConnectionLost:
        if isinstance(error, TimeoutError):
            return ConnectionLost(f"{self.address} does not answer")
        hint = f". {LOGIN_HINT}" if self._may_want_login and not self._trusted else ""
        return ConnectionLost(f"lost the connection to {self.address}: {reason(error)}{hint}")

    # --- the first words --------------------------------------------------------------------

    def _introduce(self) -> None:
        """Learn what the broker speaks."""
        try:
            answer = self._ask_versions(API_VERSIONS_FIRST)
            if answer.error_code == ErrorCode.UNSUPPORTED_VERSION:
                answer = self._ask_versions(0)
        except ConnectionLost as error:
            raise CannotConnect(
                f"{self.address} accepts connections, but does not speak Kafka with us. {TLS_HINT}"
            ) from error
        if answer.error_code:
            raise CannotConnect(f"{self.address}: {error_text(answer.error_code)}")
        self.versions = {
            each.api_key: (each.min_version, each.max_version) for each in answer.api_keys
        }

    def _ask_versions(self, version: int) -> api_versions.ApiVersionsResponse:
        request = api_versions.ApiVersionsRequest("anymq", "1")
        asked = self._send(api_versions, request, version)

        def decode(data: Buffer, pos: int) -> api_versions.ApiVersionsResponse:
            # A broker that does not know our version answers in its oldest one.
            refused = bytes(data[pos : pos + 2]) == b"\0\x23"
            return api_versions.decode_response(data, pos, 0 if refused else version)

        return self.receive(Asked(asked.correlation_id, asked.flexible, decode), CONNECT_SECONDS)

    def _log_in(self, login: Login) -> None:
        request = sasl_handshake.SaslHandshakeRequest(login.mechanism)
        answer = self.call(sasl_handshake, request)
        if answer.error_code:
            offered = ", ".join(answer.mechanisms) or "no login at all"
            raise LoginFailed(f"{self.address} does not take {login.mechanism}, but {offered}")
        conversation = sasl.exchange(login)
        message = next(conversation)
        while True:
            answered = self._authenticate(login, message)
            try:
                message = conversation.send(answered)
            except StopIteration:
                return

    def _authenticate(self, login: Login, message: bytes) -> bytes:
        request = sasl_authenticate.SaslAuthenticateRequest(message)
        try:
            answer = self.call(sasl_authenticate, request)
        except ConnectionLost as error:
            raise LoginFailed(f"{self.address} closed the connection at our login") from error
        if answer.error_code:
            text = error_text(answer.error_code, answer.error_message)
            raise LoginFailed(f"{self.address} does not let in {login.user!r}: {text}")
        return answer.auth_bytes


def reason(error: OSError) -> str:
    """Say why, without the number."""
    return (error.strerror or str(error)).lower()


def _open(address: Address, security: Security) -> socket.socket:
    try:
        plain = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
    except socket.gaierror as error:
        raise CannotConnect(f"there is no host {address.host!r}: {reason(error)}") from error
    except OSError as error:
        text = f"cannot connect to {address}: {reason(error)}. {TRY_THIS}"
        raise CannotConnect(text) from error
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if security.tls is None:
        return plain
    try:
        return security.tls.context().wrap_socket(plain, server_hostname=address.host)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise CannotConnect(
            f"{address} shows a certificate that we do not trust: {error.verify_message}"
        ) from error
    except OSError as error:
        plain.close()
        raise CannotConnect(f"{address} does not speak TLS with us: {reason(error)}") from error
