"""HTTP/2 for gRPC: one connection's streams, over h2, which knows the frames and their rules.

A stream is one call. What comes is cut into messages (a byte of flags, four of length); what is
owed goes as far as the peer's windows let it. Everything that a peer could make grow has a limit
here or in h2; who goes beyond is told so by GOAWAY, or by the status of that one call.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol
from urllib.parse import quote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error, StreamClosedError
from h2.settings import SettingCodes, Settings

from anymq.config.units import KIB, MIB
from anymq.protocols.session import Outbox

STREAM_BYTES = 4 * KIB  # about what h2 and we know of a stream
STREAM_WINDOW = 1 * MIB  # a message of usual size comes without waiting for us
CONNECTION_WINDOW = 8 * MIB
SLICE_BYTES = 4 * KIB  # frames are small when somebody wants us to be busy: look at the clock
RESETS_AHEAD_MAX = 200  # of streams, by the peer, more than calls were answered ("rapid reset")
CLOSED_STREAMS_KEPT = 256
PREFIX = struct.Struct(">BI")

Headers = list[tuple[str, str]]


class GrpcStatus(IntEnum):
    """How a call ended, as gRPC says it."""

    OK = 0
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


@dataclass(slots=True)
class Http2Limits:
    """What a connection may ask of us."""

    streams_max: int = 1000
    message_bytes_max: int = 5 * MIB
    header_bytes_max: int = 16 * KIB
    unfinished_bytes_max: int = 64 * MIB  # of all messages whose rest has not come


class Answering(Protocol):
    """Who answers the call of a stream."""

    def on_message(self, data: bytes) -> None:
        """A whole message came."""

    def on_end(self) -> None:
        """No more messages will come."""

    def on_reset(self) -> None:
        """Nobody wants the answer any more."""


class Stream:
    """One call: what came of a message, and what is owed."""

    __slots__ = (
        "answering",
        "began",
        "closed",
        "headers",
        "id",
        "incoming",
        "out",
        "owed",
        "peer_ended",
        "started",
        "trailers",
    )

    def __init__(self, stream_id: int, headers: dict[str, str], started: float) -> None:
        self.id = stream_id
        self.headers = headers
        self.started = started  # when it came
        self.incoming = bytearray()
        self.out: deque[memoryview] = deque()
        self.owed = 0
        self.began = False  # the head of the answer is sent
        self.trailers: Headers | None = None
        self.closed = self.peer_ended = False
        self.answering: Answering | None = None

    @property
    def path(self) -> str:
        """Return which method is called."""
        return self.headers.get(":path", "")


class Http2Fault(Exception):  # it is theirs
    """The connection cannot go on; GOAWAY is written."""


class _Connection(H2Connection):
    MAX_CLOSED_STREAMS = CLOSED_STREAMS_KEPT


class Http2:
    """One connection, as its server."""

    def __init__(
        self,
        outbox: Outbox,
        limits: Http2Limits,
        now: Callable[[], float],
        on_call: Callable[[Stream], Answering | None],
    ) -> None:
        """`on_call` returns who answers; None: it has been answered."""
        self.limits = limits
        self.streams: dict[int, Stream] = {}
        self.owed = 0  # bytes that wait for the peer's windows
        self.unfinished = 0  # bytes of messages whose rest has not come
        self._outbox = outbox
        self._now = now
        self._on_call = on_call
        self._blocked: dict[Stream, None] = {}
        self._resets = 0
        self._within = False  # a call of `receive`: it flushes
        self._window_moved = False
        self._conn = self._begin()

    def _begin(self) -> H2Connection:
        config = H2Configuration(
            client_side=False,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        conn = _Connection(config)
        conn.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: self.limits.streams_max,
                SettingCodes.MAX_HEADER_LIST_SIZE: self.limits.header_bytes_max,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            },
        )
        conn.decoder.max_header_list_size = self.limits.header_bytes_max
        conn.initiate_connection()
        conn.increment_flow_control_window(CONNECTION_WINDOW - 65_535)
        return conn

    @property
    def held_bytes(self) -> int:
        """How much memory all this takes, about."""
        return self.owed + self.unfinished + STREAM_BYTES * len(self.streams)

    # In

    def receive(self, data: bytes) -> None:
        """Act on what came; raise Http2Fault."""
        self._within = True
        try:
            for event in self._conn.receive_data(data):
                self._on_event(event)
            if self._window_moved:
                self._pump_blocked()
        except (H2Error, ValueError) as error:  # ValueError: hyperframe, of what is in a frame
            raise Http2Fault(str(error) or type(error).__name__) from error
        finally:
            self._within = False
            self.flush()

    def _on_event(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._on_request(event)
            case DataReceived():
                self._on_data(event)
            case StreamEnded():
                self._on_end(event.stream_id)
            case StreamReset():
                self._on_reset(event.stream_id)
            case WindowUpdated() | RemoteSettingsChanged():
                self._window_moved = True
            case ConnectionTerminated():
                raise Http2Fault("")
            case _:
                pass

    def _on_request(self, event: RequestReceived) -> None:
        assert event.stream_id is not None
        headers = _headers_of(event.headers or [])
        stream = Stream(event.stream_id, headers, self._now())
        self.streams[stream.id] = stream
        stream.answering = self._on_call(stream)

    def _on_data(self, event: DataReceived) -> None:
        size = event.flow_controlled_length or 0
        stream = self.streams.get(event.stream_id or 0)
        if stream is not None and not stream.closed and stream.trailers is None:
            self._take(stream, event.data or b"")
        try:
            if size:
                self._conn.acknowledge_received_data(size, event.stream_id or 0)
        except StreamClosedError:
            pass

    def _take(self, stream: Stream, data: bytes) -> None:
        stream.incoming += data
        self.unfinished += len(data)
        for message in self._whole(stream):
            if stream.answering is not None and not stream.closed:
                stream.answering.on_message(message)
        if self.unfinished > self.limits.unfinished_bytes_max and not stream.closed:
            self.refuse(stream, GrpcStatus.RESOURCE_EXHAUSTED, "too much at once")

    def _whole(self, stream: Stream) -> Iterable[bytes]:
        """Yield every whole message there is."""
        incoming = stream.incoming
        while len(incoming) >= PREFIX.size and not stream.closed and stream.trailers is None:
            packed, length = PREFIX.unpack_from(incoming)
            if packed:
                self.refuse(stream, GrpcStatus.UNIMPLEMENTED, "compressed messages are not taken")
                return
            if length > self.limits.message_bytes_max:
                self.refuse(stream, GrpcStatus.RESOURCE_EXHAUSTED, "the message is too big")
                return
            end = PREFIX.size + length
            if len(incoming) < end:
                return
            message = bytes(memoryview(incoming)[PREFIX.size : end])
            del incoming[:end]
            self.unfinished -= end
            yield message

    def _on_end(self, stream_id: int | None) -> None:
        stream = self.streams.get(stream_id or 0)
        if stream is None:
            return
        stream.peer_ended = True
        if stream.incoming and stream.trailers is None:
            self.refuse(stream, GrpcStatus.INVALID_ARGUMENT, "it ends within a message")
        elif stream.answering is not None and stream.trailers is None:
            stream.answering.on_end()

    def _on_reset(self, stream_id: int | None) -> None:
        self._resets += 1
        if self._resets > RESETS_AHEAD_MAX:
            self.end(ErrorCodes.ENHANCE_YOUR_CALM)
            raise Http2Fault("it begins calls and takes them back")
        stream = self.streams.get(stream_id or 0)
        if stream is not None:
            self._forget(stream)

    # Out

    def send(self, stream: Stream, message: bytes) -> None:
        """Owe a message."""
        if stream.closed or stream.trailers is not None:
            return
        data = PREFIX.pack(0, len(message)) + message
        stream.out.append(memoryview(data))
        stream.owed += len(data)
        self.owed += len(data)

    def finish(self, stream: Stream, status: int = GrpcStatus.OK, why: str = "") -> None:
        """That was all."""
        if stream.closed or stream.trailers is not None:
            return
        stream.trailers = [("grpc-status", str(int(status)))]
        if why:
            stream.trailers.append(("grpc-message", quote(why, safe=" ")))
        self._resets = max(0, self._resets - 1)
        self.pump(stream)

    def refuse(self, stream: Stream, status: int, why: str) -> None:
        """Answer a call with nothing but that."""
        self.unfinished -= len(stream.incoming)
        stream.incoming.clear()
        answering, stream.answering = stream.answering, None
        self.finish(stream, status, why)
        if answering is not None:
            answering.on_reset()

    def pump(self, stream: Stream) -> None:
        """Send what the peer's windows let us."""
        if not stream.closed:
            try:
                if self._pump(stream):
                    self._blocked.pop(stream, None)
                else:
                    self._blocked[stream] = None
            except H2Error:  # it was reset, and we are told of that in a moment
                self._forget(stream)
        if not self._within:
            self.flush()

    def _pump(self, stream: Stream) -> bool:
        """Did everything go?"""
        conn, out = self._conn, stream.out
        if not stream.began and out:
            conn.send_headers(stream.id, [(":status", "200"), _CONTENT_TYPE])
            stream.began = True
        while out:
            window = min(conn.local_flow_control_window(stream.id), conn.max_outbound_frame_size)
            if window <= 0:
                return False
            data = out.popleft()
            if len(data) > window:
                out.appendleft(data[window:])
                data = data[:window]
            conn.send_data(stream.id, bytes(data))
            stream.owed -= len(data)
            self.owed -= len(data)
        if stream.trailers is not None:
            self._end_stream(stream, stream.trailers)
        return True

    def _end_stream(self, stream: Stream, trailers: Headers) -> None:
        head: Headers = [] if stream.began else [(":status", "200"), _CONTENT_TYPE]
        self._conn.send_headers(stream.id, head + trailers, end_stream=True)
        if not stream.peer_ended:  # what it still has to say does not matter
            self._conn.reset_stream(stream.id, ErrorCodes.NO_ERROR)
        stream.answering = None
        self._forget(stream)

    def _pump_blocked(self) -> None:
        self._window_moved = False
        for stream in tuple(self._blocked):
            self.pump(stream)

    def flush(self) -> None:
        """Hand over what h2 has written."""
        data = self._conn.data_to_send()
        if data:
            self._outbox.write(data)

    # The end

    def end(self, code: int = ErrorCodes.NO_ERROR) -> None:
        """Say that no more calls are taken, and hand over what is written."""
        with suppress(H2Error):
            self._conn.close_connection(code)
        self.flush()

    def close(self) -> None:
        """Nobody is there any more."""
        for stream in tuple(self.streams.values()):
            self._forget(stream)

    def late(self, before: float) -> list[Stream]:
        """Return those whose request came in part, and began before."""
        return [one for one in self.streams.values() if one.incoming and one.started < before]

    def _forget(self, stream: Stream) -> None:
        if stream.closed:
            return
        stream.closed = True
        self.streams.pop(stream.id, None)
        self._blocked.pop(stream, None)
        self.owed -= stream.owed
        self.unfinished -= len(stream.incoming)
        stream.owed = 0
        stream.incoming.clear()
        stream.out.clear()
        answering, stream.answering = stream.answering, None
        if answering is not None:
            answering.on_reset()


_CONTENT_TYPE = ("content-type", "application/grpc")


def _headers_of(pairs: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    """Return them as strings; of those that come twice, the last."""
    return {name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in pairs}
