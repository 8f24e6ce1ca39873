"""One HTTP connection: requests in, pages out. h11 knows the grammar."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import h11
from typing_extensions import override

from anymq.management.front import Front
from anymq.management.http import (
    Answer,
    Api,
    Later,
    Pages,
    Request,
    Response,
    Stream,
    answer,
    failed,
    text,
)
from anymq.observability.log import Log
from anymq.protocols.session import Outbox, Peer, Session

log = Log(__name__)

HEADERS_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 64 * 1024  # of a page, which reads none: it is dropped, within reason
OWED_BYTES_MAX = 4 * 1024 * 1024  # a peer that asks on is served further when it took so much
EVENTS_PER_TURN_MAX = 32
STREAM_OWED_BYTES_MAX = 64 * 1024  # who listens to a stream is told no more before it took that
STALLED_S = 30.0  # who takes nothing of a stream for so long is hung up on
IDLE_S = 60.0  # between requests, and for one to be whole
ANSWER_S = 600.0  # for an answer to be made: a large import, on a slow disk


@dataclass(slots=True)
class _Answering:
    """A long answer on its way."""

    response: Response
    pieces: Iterator[bytes]
    with_body: bool
    body: bytearray = field(default_factory=bytearray)


class HttpSession(Session):
    """The server's side of one HTTP/1.1 connection."""

    def __init__(
        self,
        pages: Pages,
        outbox: Outbox,
        peer: Peer,
        *,
        api: Api | None = None,
        front: Front | None = None,
    ) -> None:
        self.closed = False
        self.reason = ""
        self._pages = pages
        self._api = api
        self._front = front or Front()
        self._peer = peer
        self._outbox = outbox
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS_BYTES_MAX)
        self._request: Request | None = None
        self._body = bytearray()
        self._body_size = 0
        self._body_bytes_max = BODY_BYTES_MAX
        self._undecided = self._waits_for_admission = False  # how large the body may be
        self._later: Later | None = None
        self._unserved = False
        self._answering: _Answering | None = None
        self._stream: Stream | None = None
        self._waiting_since: float | None = None
        self._owed = 0  # when the clock was looked at last

    @property
    @override
    def busy(self) -> bool:
        return self._later is not None and not self.closed

    @property
    @override
    def reading(self) -> bool:
        waits = self._unserved or self._undecided or self._owes_much
        return not self.closed and not waits and self._later is None

    @property
    @override
    def more(self) -> bool:
        if self.closed:
            return False
        if self._stream is not None:
            return self._stream.ended or (self._stream.more and self._has_room)
        return self._unserved and not self._owes_much

    @override
    def receive(self, data: memoryview) -> None:
        """Answer the whole requests there are now."""
        if not self.closed and self._stream is None:  # whoever listens has nothing more to say
            self._http.receive_data(bytes(data))
            if self._later is None and not self._undecided:
                self.go_on()

    @override
    def go_on(self) -> None:
        """Answer more of what was asked at once, or make another piece of a long answer."""
        try:
            if self._stream is not None:
                self._go_on_streaming(self._stream)
            elif self._answering is not None:
                self._go_on_answering(self._answering)
            else:
                self._serve()
        except h11.RemoteProtocolError as error:
            self.reason = f"not HTTP: {error}"
            self._refuse(HTTPStatus(error.error_status_hint))

    @override
    def tick(self, now: float) -> None:
        """Close when nothing was asked for too long, or a request never gets whole."""
        if self._has_room if self._stream is not None else self._is_taken():
            self._waiting_since = now
        if self._waiting_since is None:
            self._waiting_since = now
        elif self._stream is not None and now - self._waiting_since > STALLED_S:
            self.closed = True
            self.reason = "it does not take the events it asked for"
        elif now - self._waiting_since > (ANSWER_S if self._makes_answer else IDLE_S):
            self.closed = True
            self.reason = "idle"

    @override
    def peer_gone(self) -> None:
        """Nobody waits for an answer any more. What was begun is done all the same."""
        self.closed = True
        self._forget_later()
        if self._stream is not None:
            self._stream.gone()
            self._stream = None

    def _serve(self) -> None:
        """Answer a few requests; the others have turns, too."""
        self._unserved = False
        for _ in range(EVENTS_PER_TURN_MAX):
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                return
            self._on_event(event)
            if self.closed:
                return
            if self._undecided:
                self._waits_for_admission = True
                return
            if self._later is not None:
                return
            if self._answering is not None or self._owes_much:
                break
        self._unserved = True

    def _on_event(self, event: object) -> None:
        if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            self.closed = True
        elif isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._take_body(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self._finish()

    def _begin(self, head: h11.Request) -> None:
        self._request, self._body_size = _read(head, self._peer), 0
        self._body.clear()
        self._body_bytes_max = BODY_BYTES_MAX
        if (api := self._api_of(self._request)) is not None:
            self._undecided = True
            api.admit(self._request, self._admit)

    def _admit(self, body_bytes_max: int) -> None:
        """It is known how large a body may be; the carrier lets us go on if we waited."""
        self._undecided, self._body_bytes_max = False, body_bytes_max
        if self._http.they_are_waiting_for_100_continue and not self.closed:
            self._write(h11.InformationalResponse(status_code=HTTPStatus.CONTINUE, headers=[]))
        if self._waits_for_admission and not self.closed:
            self._waits_for_admission, self._unserved = False, True
            self._outbox.wake()

    def _take_body(self, data: bytes) -> None:
        self._body_size += len(data)
        if self._body_size > self._body_bytes_max:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif self._request is not None and self._api_of(self._request) is not None:
            self._body += data

    def _api_of(self, request: Request) -> Api | None:
        return self._api if self._api is not None and self._api.owns(request.path) else None

    def _finish(self) -> None:
        assert self._request is not None
        request, self._request = replace(self._request, body=bytes(self._body)), None
        self._body.clear()
        self._respond(self._answer(request), with_body=request.method != "HEAD")

    def _respond(self, answer: Answer, *, with_body: bool) -> None:
        """Send an answer, or have it made piece by piece, or wait for it."""
        if isinstance(answer, Later):
            if answer.response is None:
                self._later = answer
                answer.on_answer = lambda response: self._answered(response, with_body=with_body)
                return
            answer = answer.response
        if answer.stream is not None and with_body:
            self._begin_streaming(answer, answer.stream)
        elif answer.pieces is not None:
            self._answering = _Answering(answer, answer.pieces, with_body)
        else:
            self._send(answer, with_body=with_body)
            self._begin_anew()

    def _answered(self, response: Response, *, with_body: bool) -> None:
        """What was waited for is known; the carrier lets us go on with what came meanwhile."""
        self._forget_later()
        if not self.closed:
            self._respond(response, with_body=with_body)
            self._unserved = True
            self._outbox.wake()

    def _forget_later(self) -> None:
        if self._later is not None:
            self._later.on_answer = None
            self._later = None

    def _go_on_answering(self, answering: "_Answering") -> None:
        """Make one piece; the others have turns, too."""
        try:
            answering.body += next(answering.pieces)
            return
        except StopIteration as end:
            made: Answer | None = end.value
        except Exception:
            log.exception("a page failed while it was made")
            made = failed()
        self._answering, self._unserved = None, True
        if made is None:
            made = replace(answering.response, body=bytes(answering.body), pieces=None)
        self._respond(made, with_body=answering.with_body)
        if self._later is not None:
            self._unserved = False

    @property
    def _has_room(self) -> bool:
        return self._outbox.size <= STREAM_OWED_BYTES_MAX

    @property
    def _owes_much(self) -> bool:
        return self._outbox.size > OWED_BYTES_MAX

    def _is_taken(self) -> bool:
        """Has the peer taken some of its answers, and is there more for it?"""
        before, self._owed = self._owed, self._outbox.size
        return self._owed not in (0, before)

    @property
    def _makes_answer(self) -> bool:
        return self._later is not None or self._answering is not None

    def _begin_streaming(self, response: Response, stream: Stream) -> None:
        headers = [
            ("Content-Type", response.content_type),
            ("Cache-Control", "no-store"),
            *self._front.headers(response),
            *response.headers,
        ]
        self._write(h11.Response(status_code=200, headers=headers, reason=b"OK"))
        self._unserved = False
        self._stream = stream
        stream.begin(self._outbox.wake)

    def _go_on_streaming(self, stream: Stream) -> None:
        """Tell more of what goes on."""
        try:
            if data := stream.take():
                self._write(h11.Data(data=data))
        except Exception:
            log.exception("a stream of events failed")
            stream.ended = True
        if stream.ended:
            self._write(h11.EndOfMessage())
            self.closed = True

    def _write(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._outbox.write(data)

    def _begin_anew(self) -> None:
        self._waiting_since = None
        if self._http.our_state is h11.MUST_CLOSE:
            self.closed = True
        else:
            self._http.start_next_cycle()

    def _answer(self, request: Request) -> Answer:
        try:
            if (refused := self._front.refuse(request)) is not None:
                return refused
            api = self._api_of(request)
            return answer(self._pages, request) if api is None else api.answer(request)
        except Exception:
            log.exception("a page failed", path=request.path)
            return failed()

    def _refuse(self, status: HTTPStatus) -> None:
        """Say no and hang up: what follows cannot be told from the rest of this request."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._send(text(f"{status.phrase.lower()}\n", status), close=True)
        self.closed = True

    def _send(self, response: Response, *, with_body: bool = True, close: bool = False) -> None:
        empty = response.status is HTTPStatus.NO_CONTENT
        headers = [
            *(
                []
                if empty or not response.content_type
                else [("Content-Type", response.content_type)]
            ),
            *([] if empty else [("Content-Length", str(len(response.body)))]),
            *(() if _says(response, "Cache-Control") else (("Cache-Control", "no-store"),)),
            *self._front.headers(response),
            *response.headers,
            *([("Connection", "close")] if close else []),
        ]
        status = response.status
        body = response.body if with_body else b""
        head = h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self._write(event)


def _says(response: Response, header: str) -> bool:
    return any(name == header for name, _ in response.headers)


def _read(request: h11.Request, peer: Peer) -> Request:
    path, _, query = request.target.decode("ascii").partition("?")
    headers: dict[str, str] = {}
    for name, value in (
        (name.decode("ascii"), said.decode("latin-1")) for name, said in request.headers
    ):
        # What is said twice is one list (RFC 9110, 5.3): nobody is to see another half of it.
        between = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{between}{value}" if name in headers else value
    return Request(
        request.method.decode("ascii"),
        path,
        query,
        headers,
        host=peer.host,
        tls=peer.tls,
        local_host=peer.local_host,
    )
