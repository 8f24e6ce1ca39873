"""One Kafka connection: frames in, broker calls, answers out in the order of the requests.

To add a request, add a module to `api/`: it declares its KEY, its VERSIONS and its `handle`.
"""

import logging
from collections import deque
from dataclasses import dataclass

from anymq.core.broker import Broker
from anymq.protocols.kafka.api.fetch_sessions import FetchSessions
from anymq.protocols.kafka.api.registry import API_VERSIONS_KEY, Api
from anymq.protocols.kafka.authentication import Authentication
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.codec import (
    FRAME_BYTES_MIN,
    FrameAssembler,
    MalformedFrame,
    RequestHeader,
    decode_request_header,
    peek_api,
)
from anymq.protocols.kafka.counters import Counters
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.protocols.session import Outbox, Peer
from anymq.security.users import Users

log = logging.getLogger("anymq.kafka")


@dataclass(frozen=True, slots=True)
class Kafka:
    """What all sessions of one listener share."""

    broker: Broker
    apis: dict[int, Api]
    settings: KafkaSettings
    users: Users
    fetch_sessions: FetchSessions
    counters: Counters


class KafkaSession:
    """The broker's side of one Kafka connection."""

    def __init__(self, kafka: Kafka, outbox: Outbox, peer: Peer) -> None:
        self.closed = False
        self.gone = False
        self.kafka = kafka
        self.broker = kafka.broker
        self.peer = peer
        self.authentication = Authentication(
            kafka.settings.sasl_mechanisms, kafka.users, required=kafka.settings.login_required
        )
        self._outbox = outbox
        self._frames = FrameAssembler(self._frame_bytes_max())
        self._calls: deque[Call] = deque()
        self._held_bytes = 0
        self._opened = self._last_heard = kafka.broker.clock.monotonic()

    @property
    def reading(self) -> bool:
        """A peer that has too much under way, or does not take its answers, has to wait."""
        settings = self.kafka.settings
        return (
            len(self._calls) < settings.in_flight_calls_max
            and self._held_bytes < settings.in_flight_bytes_max
            and self._outbox.size < settings.unsent_bytes_max
        )

    @property
    def busy(self) -> bool:
        """Is there a call that waits for the disk? Those that wait for news are not waited for."""
        return any(call.on_gone is None for call in self._calls)

    @property
    def advertised(self) -> tuple[str, int]:
        """Where clients find us: as configured, else where this one found us."""
        settings = self.kafka.settings
        host = settings.advertised_host or self.peer.local_host
        return host, settings.advertised_port or self.peer.local_port

    def receive(self, data: memoryview) -> None:
        """Act on every whole frame there is now."""
        try:
            for frame, owned in self._frames.feed(data):
                self._on_frame(frame, owned)
                if self.closed:
                    return
        except MalformedFrame as error:
            self._hang_up(str(error))

    def tick(self, now: float) -> None:
        """Hang up on who is silent, or never says who it is."""
        settings = self.kafka.settings
        if self._calls or self._outbox.size:
            return
        if now - self._last_heard > settings.idle_seconds_max:
            self._hang_up("idle")
        elif not self.authentication.done and now - self._opened > settings.handshake_seconds_max:
            self._hang_up("no authentication in time")

    def peer_gone(self) -> None:
        """Waiting fetches end; what was written stays written."""
        self.closed = self.gone = True
        for call in self._calls:
            if call.on_gone is not None:
                call.on_gone()
        self._calls.clear()

    def authentication_changed(self) -> None:
        """What may come next depends on who the peer is, and how it is about to prove that."""
        self._frames.frame_bytes_max = self._frame_bytes_max()
        raw = self.authentication.raw_tokens
        self._frames.frame_bytes_min = 0 if raw else FRAME_BYTES_MIN

    def answered(self) -> None:
        """Send the answers whose turn it is."""
        calls = self._calls
        write = self._outbox.write_any
        while calls and (output := calls[0].output) is not None:
            self._held_bytes -= calls.popleft().size
            for piece in output:
                write(piece)

    def hang_up_after_answers(self) -> None:
        """Send what is owed, then close."""
        self.closed = True

    def _on_frame(self, frame: memoryview, owned: bool) -> None:
        self._last_heard = self.broker.clock.monotonic()
        if self.authentication.raw_tokens:
            self._on_raw_token(frame)
            return
        key, version, correlation_id = peek_api(frame)
        api = self.kafka.apis.get(key)
        if api is None:
            raise MalformedFrame(f"unknown request {key}")
        self.kafka.counters.requests[key] += 1
        if version not in api.versions:
            self._refuse_version(api, RequestHeader(key, version, correlation_id, None))
            return
        if not (self.authentication.done or api.before_authentication):
            raise MalformedFrame(f"{api.name} before authentication")
        header, position = decode_request_header(frame, api.request_has_tags(version))
        request = api.decode_request(frame, position, version)
        api.handle(self._begin(Call(self, api, header, len(frame), owned)), request)

    def _begin(self, call: Call) -> Call:
        self._calls.append(call)
        self._held_bytes += call.size
        return call

    def _refuse_version(self, api: Api, header: RequestHeader) -> None:
        if api.key != API_VERSIONS_KEY:
            raise MalformedFrame(f"{api.name} of version {header.api_version}")
        # Who is newer than we are asks again with what we answer here.
        call = self._begin(Call(self, api, header, 0, owned=False))
        call.version = 0
        api.handle(call, None)

    def _on_raw_token(self, frame: memoryview) -> None:
        answer = self.authentication.on_raw_token(bytes(frame))
        if answer is None:
            self._hang_up("authentication failed")
            return
        self._outbox.write(len(answer).to_bytes(4, "big") + answer)
        self.authentication_changed()

    def _hang_up(self, why: str) -> None:
        self.kafka.counters.malformed += 1
        log.info("closing the connection of %s:%d: %s", self.peer.host, self.peer.port, why)
        self.closed = True

    def _frame_bytes_max(self) -> int:
        settings = self.kafka.settings
        if self.authentication.done:
            return settings.frame_bytes_max
        return settings.frame_bytes_max_unauthenticated
