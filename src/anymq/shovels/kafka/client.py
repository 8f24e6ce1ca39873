"""A client's side of one connection to a broker of Kafka: questions out, answers in, in order."""

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol

from anymq.protocols.kafka.codec import (
    MalformedFrame,
    RequestHeader,
    decode_response_header,
    encode_request_header,
    frame,
    response_header_is_flexible,
)
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    fetch,
    find_coordinator,
    list_offsets,
    metadata,
    offset_commit,
    offset_fetch,
    produce,
    sasl_authenticate,
    sasl_handshake,
)
from anymq.protocols.session import Outbox, Peer
from anymq.shovels.uris import KafkaUri

CLIENT_ID = "anymq-shovel"
FRAME_BYTES_MAX = 128 * 1024 * 1024
ANSWER_SECONDS = 60.0
HUNG_UP = "the broker hung up"

# What brokers of Kafka 2.4 to 4 understand: all that is needed, and topics by name.
VERSIONS = {
    produce.KEY: 7,
    fetch.KEY: 11,
    list_offsets.KEY: 5,
    metadata.KEY: 8,
    offset_commit.KEY: 7,
    offset_fetch.KEY: 5,
    find_coordinator.KEY: 2,
    sasl_handshake.KEY: 1,
    sasl_authenticate.KEY: 1,
}

_LENGTH = Struct(">i")

Answered = Callable[[Any], None]
Decode = Callable[[Any, int, int], Any]


class User(Protocol):
    """Who asks."""

    def ready(self, client: "KafkaClient") -> None:
        """It is connected, and logged in."""

    def lost(self, client: "KafkaClient", why: str) -> None:
        """The connection is gone."""


class KafkaClient:
    """One connection. `user.ready` says that one may ask."""

    def __init__(self, outbox: Outbox, peer: Peer, *, uri: KafkaUri, user: User) -> None:
        self.closed = False
        self.reason = ""  # for the log: the shovel says it, nobody else has to
        self.more = False
        self.busy = False
        self.reading = True
        self.is_ready = False
        self._outbox = outbox
        self._uri = uri
        self._user: User | None = user
        self._rest = bytearray()
        self._number = 0
        self._asked: deque[tuple[int, bool, int, Decode, Answered]] = deque()
        self._why = ""
        self._now = self._heard = 0.0
        self._begin()

    # What the carrier asks

    def receive(self, data: memoryview) -> None:
        """Act on every whole answer."""
        self._heard = self._now
        self._rest += data
        try:
            self._act()
        except MalformedFrame as error:
            self.end(f"what came is not Kafka: {error}")

    def go_on(self) -> None:
        """Nothing is ever left."""

    def tick(self, now: float) -> None:
        """Notice silence."""
        if not (self._now and self._asked):
            self._heard = now
        self._now = now
        if now - self._heard > ANSWER_SECONDS:
            self.end("the broker does not answer")

    def peer_gone(self) -> None:
        """The connection is gone, or was closed by us."""
        self.closed = True
        user, self._user = self._user, None
        self._rest.clear()
        self._asked.clear()
        if user is not None:
            user.lost(self, self._why or self.reason or HUNG_UP)

    # What its user asks

    def ask(self, api: Any, request: Any, then: Answered) -> None:
        """Ask; `then` gets the answer."""
        version: int = VERSIONS[api.KEY]
        flexible = version >= api.FLEXIBLE
        self._number += 1
        header = RequestHeader(api.KEY, version, self._number, CLIENT_ID)
        body = api.encode_request(request, version)
        answer_is_flexible = response_header_is_flexible(api.KEY, flexible)
        self._asked.append((self._number, answer_is_flexible, version, api.decode_response, then))
        self._outbox.write(frame(encode_request_header(header, flexible), body))

    def end(self, why: str) -> None:
        """Hang up, and say why."""
        self._why = why
        self.closed = True
        self._outbox.wake()

    def close(self) -> None:
        """Hang up when what was said is sent; nobody is told."""
        self._user = None
        self.closed = True
        self._outbox.wake()

    # Answers

    def _act(self) -> None:
        data, at = memoryview(bytes(self._rest)), 0
        self._rest.clear()
        while len(data) - at >= _LENGTH.size and not self.closed:
            (size,) = _LENGTH.unpack_from(data, at)
            if not 0 < size <= FRAME_BYTES_MAX:
                raise MalformedFrame(f"an answer of {size} bytes")
            end = at + _LENGTH.size + size
            if end > len(data):
                break
            self._on_answer(data[at + _LENGTH.size : end])
            at = end
        self._rest += data[at:]

    def _on_answer(self, data: memoryview) -> None:
        if not self._asked:
            raise MalformedFrame("an answer that nobody asked for")
        number, flexible, version, decode, then = self._asked.popleft()
        said, at = decode_response_header(data, flexible)
        if said != number:
            raise MalformedFrame("answers come in another order than questions")
        then(decode(data, at, version))

    # The first words

    def _begin(self) -> None:
        if self._uri.user:
            hello = sasl_handshake.SaslHandshakeRequest("PLAIN")
            self.ask(sasl_handshake, hello, self._log_in)
        else:
            # Any question will do: the answer says that this is Kafka.
            request = metadata.MetadataRequest([], allow_auto_topic_creation=False)
            self.ask(metadata, request, self._logged_in)

    def _log_in(self, answer: sasl_handshake.SaslHandshakeResponse) -> None:
        if answer.error_code:
            self.end(f"it takes no PLAIN, but {', '.join(answer.mechanisms) or 'no login at all'}")
            return
        secret = f"\0{self._uri.user}\0{self._uri.password}".encode()
        request = sasl_authenticate.SaslAuthenticateRequest(secret)
        self.ask(sasl_authenticate, request, self._logged_in)

    def _logged_in(self, answer: Any) -> None:
        if answer.error_code and isinstance(answer, sasl_authenticate.SaslAuthenticateResponse):
            self.end(f"the login was refused: {error_name(answer.error_code)}")
        elif self._user is not None:
            self.is_ready = True
            self._user.ready(self)


def error_name(number: int) -> str:
    """Return what Kafka calls it."""
    try:
        return ErrorCode(number).name
    except ValueError:
        return f"error {number}"
