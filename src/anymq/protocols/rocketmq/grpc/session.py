"""One connection by gRPC: bytes in, calls to whom they are for, and who has to wait."""

from typing import TYPE_CHECKING

from anymq.core.flow import MEMORY
from anymq.protocols.rocketmq.errors import REFUSALS
from anymq.protocols.rocketmq.grpc import login
from anymq.protocols.rocketmq.grpc.call import GrpcCall
from anymq.protocols.rocketmq.grpc.client import CALLS_MAX, GrpcClient
from anymq.protocols.rocketmq.grpc.definition import Code
from anymq.protocols.rocketmq.grpc.http2 import (
    SLICE_BYTES,
    GrpcStatus,
    Http2,
    Http2Fault,
    Http2Limits,
    Stream,
)
from anymq.protocols.session import Outbox, Peer

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.grpc import Grpc

TURN_SECONDS = 0.005  # then it is the turn of the others
CLIENTS_MAX = 1000  # that share a connection
NAME_CHARS_MAX = 255
MESSAGE_BYTES_MORE = 1 << 20  # than a body: properties, and what is around it
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class GrpcSession:
    """The broker's side of one connection."""

    def __init__(self, grpc: "Grpc", outbox: Outbox, peer: Peer) -> None:
        self.closed = False
        self.reason = ""
        self.held_bytes = 0
        self.peer = peer
        self.clients: dict[str, GrpcClient] = {}
        self._grpc = grpc
        self._outbox = outbox
        self._pending = bytearray()  # came, and is not looked at yet
        self._sends = False  # messages: it may have to wait for the broker
        self._came = self._last_heard = grpc.rocketmq.broker.clock.monotonic()
        self._http2 = Http2(
            outbox, self._limits(), grpc.rocketmq.broker.clock.monotonic, self._on_call
        )
        self._http2.flush()
        grpc.connected.add(self)
        grpc.rocketmq.broker.flow.listen(self.wake)

    def _limits(self) -> Http2Limits:
        settings = self._grpc.rocketmq.settings
        return Http2Limits(
            streams_max=CALLS_MAX,
            message_bytes_max=settings.message_bytes_max + MESSAGE_BYTES_MORE,
            unfinished_bytes_max=settings.requests_bytes_max,
        )

    # What carries us asks

    @property
    def reading(self) -> bool:
        """Who takes nothing of what it is owed, or floods us, has to wait."""
        self._report()
        return not self._pending and self._may_act

    @property
    def more(self) -> bool:
        """Could it go on with what it left?"""
        return bool(self._pending) and self._may_act

    @property
    def busy(self) -> bool:
        """Is something under way that would be answered soon? Not those that wait for messages."""
        if self.closed:
            return False
        return any(call.waits_for_disk for one in self.clients.values() for call in one.calls)

    @property
    def unfinished_bytes(self) -> int:
        """How much waits for its rest, for its turn, or for the peer to let us send it."""
        return len(self._pending) + self._http2.unfinished + self._http2.owed

    def receive(self, data: memoryview) -> None:
        """Act on it, as long as there is time and room."""
        self._last_heard = self._grpc.rocketmq.broker.clock.monotonic()
        self._pending += data
        if self._may_act:
            self._act()

    def go_on(self) -> None:
        """Act on what is left."""
        if self._pending and self._may_act:
            self._act()

    def wake(self) -> None:
        """There is room again: let the carrier see."""
        self._outbox.wake()

    def tick(self, now: float) -> None:
        """Hang up on who is silent, or slow."""
        settings = self._grpc.rocketmq.settings
        if not self.reading:
            self._last_heard = now  # it may be saying something: we do not listen
            return
        for stream in self._http2.late(now - settings.frame_seconds_max):
            self._http2.refuse(stream, GrpcStatus.DEADLINE_EXCEEDED, "it was not whole in time")
        if now - self._last_heard > settings.idle_seconds_max:
            self.hang_up("idle")
        elif not self.clients and now - self._came > settings.frame_seconds_max:
            self.hang_up("it calls nothing")

    def peer_gone(self) -> None:
        """Waiting calls end; what was written stays written."""
        self.closed = True
        self._grpc.connected.discard(self)
        self._grpc.rocketmq.broker.flow.forget(self.wake)
        self._pending.clear()
        self._http2.close()
        for client in self.clients.values():
            client.leave()
        self.clients.clear()
        self._grpc.rocketmq.memory.leave(self)

    def hang_up(self, reason: str) -> None:
        """Close, when everything is sent."""
        if self.closed:
            return
        self._http2.end()
        self._end(reason)

    def _end(self, reason: str) -> None:
        self.closed = True
        self.reason = self.reason or reason
        self._pending.clear()
        self._outbox.wake()

    # Bytes

    def _act(self) -> None:
        """Look at the clock now and then: small frames are much work."""
        clock = self._grpc.rocketmq.broker.clock
        turn_ends = clock.monotonic() + TURN_SECONDS
        try:
            while self._pending and not self.closed:
                part = bytes(self._pending[:SLICE_BYTES])
                del self._pending[:SLICE_BYTES]
                self._http2.receive(part)
                if not self._may_act or clock.monotonic() > turn_ends:
                    return
        except Http2Fault as error:
            if str(error):
                self._grpc.rocketmq.counters.malformed += 1
                self._end(f"not HTTP/2 as it should be: {error}")
            else:
                self._end("")

    # Calls

    def _on_call(self, stream: Stream) -> GrpcCall | None:
        headers, http2 = stream.headers, self._http2
        method = self._grpc.methods.get(stream.path)
        if not headers.get("content-type", "").startswith("application/grpc"):
            http2.refuse(stream, GrpcStatus.INVALID_ARGUMENT, "only gRPC is spoken here")
            return None
        if method is None:
            http2.refuse(stream, GrpcStatus.UNIMPLEMENTED, f"unknown method {stream.path[:200]}")
            return None
        client = self._client_of(headers)
        if client is None:
            http2.refuse(stream, GrpcStatus.RESOURCE_EXHAUSTED, "too many clients")
            return None
        client.requests += 1
        self._grpc.rocketmq.counters.note_call(stream.path.rpartition("/")[2])
        return self._begin(stream, client)

    def _begin(self, stream: Stream, client: GrpcClient) -> GrpcCall | None:
        method = self._grpc.methods[stream.path]
        access = client.access
        call: GrpcCall | None = None
        try:
            access = login.access_of(client, stream.headers)
        except REFUSALS as error:
            self._grpc.rocketmq.counters.logins_failed += 1
            call = GrpcCall(self._http2, stream, method, client, login.nobody(client))
            call.refuse(Code.UNAUTHORIZED, str(error))
            return None
        client.access, client.user = access, access.user
        call = GrpcCall(self._http2, stream, method, client, access)
        if not client.client_id:
            call.refuse(Code.CLIENT_ID_REQUIRED, "client id cannot be empty")
            return None
        if method.sends:
            self._sends = True
            if MEMORY in self._grpc.rocketmq.broker.flow.alarms:
                call.refuse(Code.TOO_MANY_REQUESTS, "the broker is short of memory")
                return None
        client.calls.add(call)
        return call

    def _client_of(self, headers: dict[str, str]) -> GrpcClient | None:
        client_id = headers.get("x-mq-client-id", "")[:NAME_CHARS_MAX]
        client = self.clients.get(client_id)
        if client is None and len(self.clients) < CLIENTS_MAX:
            language = headers.get("x-mq-language", "")[:NAME_CHARS_MAX]
            client = GrpcClient(self._grpc, self.peer, client_id, language)
            client.said_version = headers.get("x-mq-client-version", "")[:NAME_CHARS_MAX]
            self.clients[client_id] = client
        return client

    # Room

    @property
    def _may_act(self) -> bool:
        rocketmq = self._grpc.rocketmq
        return (
            not self.closed
            and self._outbox.size < rocketmq.settings.unsent_bytes_max
            and rocketmq.memory.admits(self)
            and (not self._sends or rocketmq.broker.backlog.admits(self.wake))
        )

    def _report(self) -> None:
        """Say how much memory all this takes."""
        held = self._outbox.memory + len(self._pending) + self._http2.held_bytes
        if held != self.held_bytes:
            self._grpc.rocketmq.memory.report(self, held)
