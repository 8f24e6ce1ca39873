"""One Kafka connection: frames in, broker calls, answers out in the order of the requests.

To add a request, add a module to `api/`: it declares its KEY, its VERSIONS and its `handle`.
"""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Any

from anymq.config.principals import mapped
from anymq.core.broker import Broker
from anymq.core.flow import MEMORY
from anymq.core.rights.access import Access
from anymq.core.taps import Origin
from anymq.core.vhosts.vhosts import DEFAULT
from anymq.observability.log import Log
from anymq.protocols.kafka.api import produce, produce_scan
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
from anymq.protocols.kafka.share_sessions import ShareSessions
from anymq.protocols.memory import Memory
from anymq.protocols.session import Outbox, Peer
from anymq.security.certificates import certificate_name
from anymq.security.gate import Gate
from anymq.security.scram import AuthenticationFailed
from anymq.security.users import Users

NOTHING = memoryview(b"")
LARGE = frozenset({produce.KEY})  # the requests that carry records
OBJECT_COST = 16  # what a byte of the other requests takes in memory once it is decoded, about
TURN_SECONDS = 0.005  # then it is the turn of the others

log = Log("anymq.kafka")


@dataclass(slots=True)
class Kafka:
    """What all sessions of one listener share."""

    broker: Broker
    apis: dict[int, Api]
    settings: KafkaSettings  # may be replaced
    users: Users
    fetch_sessions: FetchSessions
    gate: Gate
    counters: Counters
    memory: Memory
    share_sessions: ShareSessions = field(default_factory=ShareSessions)
    sessions: set["KafkaSession"] = field(default_factory=set)  # those that are connected

    def __post_init__(self) -> None:
        """Who is silent for too long has nothing any more, even where it is still connected."""
        self.broker.shares.on_silent.append(self.share_sessions.close)


class KafkaSession:
    """The broker's side of one Kafka connection."""

    __slots__ = (
        "__weakref__",
        "_calls",
        "_calls_bytes",
        "_counted_as",
        "_frame_began",
        "_frames",
        "_last_heard",
        "_left",
        "_next",
        "_outbox",
        "_shows_certificate",
        "_stranger_since",
        "access",
        "authentication",
        "broker",
        "client_id",
        "closed",
        "gone",
        "held_bytes",
        "kafka",
        "peer",
        "reason",
        "requests",
        "since_ms",
        "software",
    )

    def __init__(self, kafka: Kafka, outbox: Outbox, peer: Peer) -> None:
        self.closed = False
        self.gone = False
        self.reason = ""
        self.kafka = kafka
        self.broker = kafka.broker
        self.peer = peer
        self.authentication = Authentication(
            kafka.settings.sasl_mechanisms,
            kafka.users,
            kafka.gate,
            required=kafka.settings.login_required,
            host=peer.host,
            loopback_users=kafka.settings.loopback_users,
            admit=self._admit,
        )
        self._counted_as = ""
        self.access = self._access()
        self.held_bytes = 0
        self.since_ms = kafka.broker.clock.wall_ms()
        self.client_id = ""
        self.software = ("", "")  # name and version, where the client says them
        self.requests = 0
        self._outbox = outbox
        self._frames = FrameAssembler(
            self._frame_bytes_max(),
            small_max=kafka.settings.frame_bytes_max_without_records,
            large=LARGE,
        )
        # Known when TLS is done, so with the first frame.
        self._shows_certificate = peer.tls and kafka.settings.certificate_user != "none"
        self._left = NOTHING  # frames for which there was no time or no room yet
        self._next: memoryview | None = None  # the frame before them: it waits for open calls
        self._calls: deque[Call] = deque()
        self._calls_bytes = 0
        self._last_heard = kafka.broker.clock.monotonic()
        self._frame_began: float | None = None  # since when one waits for its rest
        self._stranger_since = None if self.authentication.done else self._last_heard
        kafka.sessions.add(self)
        kafka.broker.flow.listen(self.wake)

    @property
    def who(self) -> Origin:
        """Who this is, for whoever listens to what happens."""
        return Origin("kafka", self.peer.connection_name, 0, self.authentication.user)

    @property
    def reading(self) -> bool:
        """A peer that has too much under way, or does not take its answers, has to wait.

        The carrier asks after everything that happens: here is told how much memory it takes.
        """
        self._report()
        waits = self._left or self._next is not None
        return not waits and self._has_room() and self.kafka.memory.admits(self)

    @property
    def more(self) -> bool:
        """Are there frames that can be acted on now?"""
        if not (self._left or self._next is not None):
            return False
        its_turn = self._next is None or self._may_begin(self._next)
        return its_turn and self._has_room() and self.kafka.memory.admits(self)

    @property
    def unfinished_bytes(self) -> int:
        """How much waits for its rest, or for its turn."""
        waits = 0 if self._next is None else len(self._next)
        return len(self._left) + waits + self._frames.waiting_bytes

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
        """Act on every whole frame there is now, as long as there is time and room."""
        if self._left or self._next is not None:  # a carrier that does not mind `reading`
            self._left = memoryview(bytes(self._left) + data)
            return
        if left := self._act(data):
            self._left = memoryview(bytes(left))
        self.broker.turn.run()  # who listens to a topic has it in the same commit

    def go_on(self) -> None:
        """Act on more of what is left."""
        frame, self._next = self._next, None
        left, self._left = self._left, NOTHING
        if frame is not None and not self._begins(frame, owned=True):
            self._left = left
        elif not self.closed:
            self._left = self._act(left)
        self.broker.turn.run()

    def wake(self) -> None:
        """There is room again: let the carrier see."""
        self._outbox.wake()

    def tick(self, now: float) -> float | None:
        """Hang up on who is silent, or slow, or never says who it is."""
        if self._is_gone:
            self._throw_out()
            return None
        settings = self.kafka.settings
        waits = bool(self._calls or self._outbox.size or self._next is not None)
        reading = self.reading
        if not reading:
            self._frame_began = now if self._frames.waiting_bytes else None  # it was made to wait
        if self._is_late(self._stranger_since, now, settings.handshake_seconds_max):
            self.hang_up("it did not log in in time")
        elif self._is_late(self._frame_began, now, settings.frame_seconds_max):
            self.hang_up("a request was not whole in time")
        elif not waits and now - self._last_heard > settings.idle_seconds_max:
            self.hang_up("idle")
        elif reading and self._frame_began is None and not self._is_somebody:
            return inf if waits else self._last_heard + settings.idle_seconds_max
        return None

    def peer_gone(self) -> None:
        """Waiting fetches end; what was written stays written."""
        self.closed = self.gone = True
        self.kafka.sessions.discard(self)
        self.broker.flow.forget(self.wake)
        self._depart()
        self._drop_calls()
        self.kafka.share_sessions.connection_gone(self)
        self._frames.drop()
        self.kafka.memory.leave(self)

    def authentication_changed(self) -> None:
        """What may come next depends on who the peer is, and how it is about to prove that."""
        self._frames.frame_bytes_max = self._frame_bytes_max()
        self.access = self._access()
        raw = self.authentication.raw_tokens
        self._frames.frame_bytes_min = 0 if raw else FRAME_BYTES_MIN
        if self.authentication.done:
            self._stranger_since = None
        elif self._stranger_since is None:
            self._stranger_since = self._last_heard

    def _admit(self, user: str) -> None:
        """Count it among the connections of its user; refuse it where there are too many.

        Whoever need not say who he is counts for nobody.
        """
        if user == self._counted_as or self.gone:
            return  # it proves itself again, or did not wait for what its password is worth
        self.broker.presence.check(user, DEFAULT)
        self._depart()
        self.broker.presence.enter(user, DEFAULT)
        self._counted_as = user

    def _depart(self) -> None:
        user, self._counted_as = self._counted_as, ""
        if user:
            self.broker.presence.leave(user, DEFAULT)

    def answered(self) -> None:
        """Send the answers whose turn it is."""
        calls = self._calls
        write = self._outbox.write
        while calls and (output := calls[0].output) is not None:
            self._calls_bytes -= calls.popleft().size
            for piece in output:
                write(piece)
        self._outbox.wake()  # even without an answer: there may be room, or the next may begin

    def hang_up_after_answers(self) -> None:
        """Send what is owed, then close."""
        self.closed = True

    def hang_up(self, why: str) -> None:
        """Close; those who were asked before still answer. `why` is for the log."""
        self.closed = True
        self.reason = self.reason or why
        self._left, self._next = NOTHING, None

    @property
    def _is_somebody(self) -> bool:
        """Has it a user, who may be deleted, or to say who it is?"""
        return self.authentication.logged_in or self._stranger_since is not None

    @property
    def _is_gone(self) -> bool:
        """Was its user deleted?"""
        return self.authentication.logged_in and not self.access.is_known

    def _log_in_by_certificate(self) -> None:
        """Who has shown one is who it names, if there is such a user; else he may log in."""
        settings, certificate = self.kafka.settings, self.peer.certificate()
        if not certificate:
            return
        if settings.principal_rules:
            whole = certificate_name(certificate, "distinguished_name")
            name = mapped(whole, settings.principal_rules)
        else:
            name = certificate_name(certificate, settings.certificate_user)
        if name in self.kafka.users and self.authentication.is_shown(name):
            self.authentication_changed()
        else:
            log.warning("no user is called as a certificate says", peer=self.peer.host, name=name)

    def _access(self) -> Access:
        """Return what its user may do; who need not log in may be nobody in particular."""
        authentication = self.authentication
        return Access(
            self.broker.users,
            authentication.user,
            self.peer.host,
            proved=authentication.logged_in or not authentication.done,
        )

    def _throw_out(self) -> None:
        """Close, and answer nothing that is still under way."""
        self.hang_up("its user is no more")
        self._drop_calls()

    def _drop_calls(self) -> None:
        for call in self._calls:
            if call.on_gone is not None:
                call.on_gone()
        self._calls.clear()
        self._calls_bytes, self._left, self._next = 0, NOTHING, None

    def _act(self, data: memoryview) -> memoryview:
        """Act on frames; return those for which there is no time or no room."""
        frames = self._frames
        turn_began = None
        try:
            for frame, owned in frames.feed(data):
                begun = self._begins(frame, owned=owned)
                if self.closed:
                    return NOTHING
                if turn_began is None:
                    turn_began = self._last_heard
                late = self._last_heard - turn_began > TURN_SECONDS
                if late or not begun or not self._has_room():
                    return data[frames.position :]
        except MalformedFrame as error:
            self._malformed(error)
            return NOTHING
        self._note_partial_frame()
        return NOTHING

    def _begins(self, frame: memoryview, *, owned: bool) -> bool:
        """Act on a frame if it is its turn; else keep it."""
        try:
            if self._may_begin(frame):
                self._on_frame(frame, owned)
                return True
        except MalformedFrame as error:
            self._malformed(error)
            return True
        self._next = frame if owned else memoryview(bytes(frame))
        return False

    def _may_begin(self, frame: memoryview) -> bool:
        """One request at a time, so that each sees what the one before did: clients rely on it.

        Those of a kind that promises nothing about each other go to the disk together.
        """
        if self.authentication.checking:
            return False
        if MEMORY in self.broker.flow.alarms and self._has_records(frame):
            return False
        backlog = self.broker.backlog
        is_behind = backlog.size >= backlog.limit and self._has_records(frame)
        if is_behind and not backlog.admits(self.wake):
            return False
        if not self._calls or self.authentication.raw_tokens:
            return True
        open_api = self._calls[-1].api
        return open_api.pipelined and peek_api(frame)[0] == open_api.key

    def _has_records(self, frame: memoryview) -> bool:
        """Has this one to wait while memory is short, or the disk behind? A full one answers."""
        return not self.authentication.raw_tokens and peek_api(frame)[0] in LARGE

    def _malformed(self, error: MalformedFrame) -> None:
        self.kafka.counters.malformed += 1
        self.hang_up(f"not Kafka's protocol: {error}")

    def _note_partial_frame(self) -> None:
        if not self._frames.waiting_bytes:
            self._frame_began = None
        elif self._frame_began is None or self._frame_began < self._last_heard:
            self._frame_began = self.broker.clock.monotonic()

    def _on_frame(self, frame: memoryview, owned: bool) -> None:
        self._last_heard = self.broker.clock.monotonic()
        if self._shows_certificate:
            self._shows_certificate = False
            self._log_in_by_certificate()
        if self.authentication.raw_tokens:
            self._on_raw_token(frame)
            return
        key, version, correlation_id = peek_api(frame)
        api = self.kafka.apis.get(key)
        if api is None:
            raise MalformedFrame(f"unknown request {key}")
        self.kafka.counters.requests[key] += 1
        self.requests += 1
        if version not in api.versions:
            self._refuse_version(api, RequestHeader(key, version, correlation_id, None))
            return
        if not (self.authentication.done or api.before_authentication):
            raise MalformedFrame(f"{api.name} before authentication")
        if self._is_gone:
            self._throw_out()
            return
        header, position = decode_request_header(frame, api.request_has_tags(version))
        self.client_id = header.client_id or ""
        if len(frame) > self._frames.small_max:
            produce_scan.check(frame, position, version)
        request = api.decode_request(frame, position, version)
        cost = len(frame) if key in LARGE else len(frame) * OBJECT_COST
        call = self._begin(Call(self, api, header, cost, owned))
        self._handle(call, request)

    def _handle(self, call: Call, request: Any) -> None:
        changes = self.broker.changes
        changes.actor = self
        try:
            call.api.handle(call, request)
        except MalformedFrame:
            call.on_gone = call.nobody_waits  # there will be no answer to this one
            raise
        finally:
            changes.actor = None

    def _begin(self, call: Call) -> Call:
        self._calls.append(call)
        self._calls_bytes += call.size
        return call

    def _refuse_version(self, api: Api, header: RequestHeader) -> None:
        if api.key != API_VERSIONS_KEY:
            raise MalformedFrame(f"{api.name} of version {header.api_version}")
        # Who is newer than we are asks again with what we answer here.
        call = self._begin(Call(self, api, header, 0, owned=False))
        call.version = 0
        api.handle(call, None)

    def _on_raw_token(self, frame: memoryview) -> None:
        self.authentication.on_raw_token(bytes(frame), self._answer_raw_token)

    def _answer_raw_token(self, answer: bytes | AuthenticationFailed) -> None:
        if self.closed:
            return  # it did not wait for that
        if isinstance(answer, AuthenticationFailed):
            self.kafka.counters.logins_failed += 1
            self.hang_up(str(answer))
            self._outbox.wake()
            return
        self._outbox.write(len(answer).to_bytes(4, "big") + answer)
        self.authentication_changed()

    def _has_room(self) -> bool:
        settings = self.kafka.settings
        return (
            len(self._calls) < settings.in_flight_calls_max
            and self._calls_bytes < settings.in_flight_bytes_max
            and self._outbox.size < settings.unsent_bytes_max
        )

    def _report(self) -> None:
        """Say how much memory all this takes."""
        held = self._calls_bytes + self._outbox.memory + self.unfinished_bytes
        if held != self.held_bytes:
            self.kafka.memory.report(self, held)

    @staticmethod
    def _is_late(since: float | None, now: float, seconds_max: float) -> bool:
        return since is not None and now - since > seconds_max

    def _frame_bytes_max(self) -> int:
        settings = self.kafka.settings
        if self.authentication.done:
            return settings.frame_bytes_max
        return settings.frame_bytes_max_unauthenticated
