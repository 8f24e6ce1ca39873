"""GrpcCall: one call on its way to its answer."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from anymq.core.rights.access import Access
from anymq.protocols.rocketmq import errors as remoting
from anymq.protocols.rocketmq.grpc.definition import Code
from anymq.protocols.rocketmq.grpc.errors import GrpcRefusal, code_of, status
from anymq.protocols.rocketmq.grpc.http2 import GrpcStatus, Http2, Stream
from anymq.protocols.rocketmq.grpc.inner import Answer, InnerCall
from anymq.protocols.rocketmq.grpc.method import Method
from anymq.protocols.rocketmq.grpc.protobuf import MalformedMessage, Proto

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.client import GrpcClient
    from anymq.protocols.rocketmq.grpc.grpc import Grpc

_UNITS = {"H": 3_600_000, "M": 60_000, "S": 1000, "m": 1, "u": 0.001, "n": 0.000001}
DIGITS_MAX = 8  # of a timeout, by gRPC's rules


class GrpcCall:
    """A handler answers it once, or, where it streams, says things and then ends it."""

    __slots__ = (
        "_http2",
        "_inner",
        "_request",
        "_stream",
        "access",
        "client",
        "done",
        "method",
        "on_gone",
    )

    def __init__(
        self, http2: Http2, stream: Stream, method: Method, client: "GrpcClient", access: Access
    ) -> None:
        self._http2 = http2
        self._stream = stream
        self._inner: set[InnerCall] = set()
        self._request: Proto | None = None
        self.method = method
        self.client = client
        self.access = access
        self.done = False
        self.on_gone: Callable[[], None] | None = None

    @property
    def grpc(self) -> "Grpc":
        """What all connections share."""
        return self.client.grpc

    @property
    def metadata(self) -> Mapping[str, str]:
        """What came in the head of the call."""
        return self._stream.headers

    @property
    def timeout_ms(self) -> float | None:
        """How long the client waits; None: it does not say."""
        said = self.metadata.get("grpc-timeout", "")
        digits, unit = said[:-1], said[-1:]
        if unit not in _UNITS or not digits.isascii() or not digits.isdigit():
            return None
        return int(digits) * _UNITS[unit] if len(digits) <= DIGITS_MAX else None

    @property
    def owed_bytes(self) -> int:
        """How much all calls of this connection wait for the client to take."""
        return self._http2.owed

    @property
    def waits_for_disk(self) -> bool:
        """Is something under way that ends soon?"""
        return any(one.on_gone is None for one in self._inner)

    # What came

    def on_message(self, data: bytes) -> None:
        """A message came: the only one, unless the method talks."""
        try:
            request = self.method.request.decode(data)
        except MalformedMessage as error:
            self.grpc.rocketmq.counters.malformed += 1
            self.fail(GrpcStatus.INTERNAL, f"not the message that was expected: {error}")
            return
        if self.method.talks:
            self._handle(request)
        elif self._request is not None:
            self.fail(GrpcStatus.INTERNAL, "one message was expected, here are more")
        else:
            self._request = request

    def on_end(self) -> None:
        """The client has said everything."""
        if self.method.talks:
            self.finish()
        elif self._request is None:
            self.fail(GrpcStatus.INTERNAL, "one message was expected, there was none")
        else:
            request, self._request = self._request, None
            self._handle(request)

    def on_reset(self) -> None:
        """Nobody waits for the answer any more."""
        self.done = True
        inner, self._inner = self._inner, set()
        for one in inner:
            if one.on_gone is not None and not one.answered:
                self.client.forget(one)
                one.on_gone()
        gone, self.on_gone = self.on_gone, None
        self.client.calls.discard(self)
        if gone is not None:
            gone()

    def _handle(self, request: Proto) -> None:
        try:
            self.method.handle(self, request)
        except remoting.REFUSALS as error:
            if not self.done:
                self.refuse(*_words_of(error))

    # The broker's work

    def ask(
        self,
        code: int,
        ext: Mapping[str, object],
        then: Callable[[Answer], None],
        body: bytes = b"",
    ) -> None:
        """Have the handler of a remoting request do it; `then` has the answer."""
        asked: list[InnerCall] = []

        def answered(answer: Answer) -> None:
            if asked:
                self._inner.discard(asked[0])
            if self.done:
                return
            try:
                then(answer)
            except remoting.REFUSALS as error:
                if not self.done:
                    self.refuse(*_words_of(error))

        inner = InnerCall(self.client, self.access, code, ext, body, answered)
        self.client.run(inner)
        if not inner.answered:
            asked.append(inner)
            self._inner.add(inner)

    # Answers

    def say(self, message: Proto) -> None:
        """One of several answers."""
        if not self.done:
            self._http2.send(self._stream, message.encode())
            if self.method.talks:
                self._http2.pump(self._stream)

    def answer(self, message: Proto) -> None:
        """The answer."""
        if not self.done:
            self._http2.send(self._stream, message.encode())
            self.finish()

    def refuse(self, code: int, why: str) -> None:
        """Answer no, and why. Clients look at the status in the answer, not at gRPC's."""
        if self.method.talks:
            self.fail(GrpcStatus.INVALID_ARGUMENT, why)
        else:
            self.answer(self.method.answer(status=status(code, why)))

    def refuse_as(self, answer: Answer) -> None:
        """Answer what the remoting handler said."""
        self.refuse(code_of(answer.code), answer.remark or f"response code {answer.code}")

    def fail(self, grpc_status: int, why: str) -> None:
        """End it with nothing but that."""
        self.finish(grpc_status, why)

    def finish(self, grpc_status: int = GrpcStatus.OK, why: str = "") -> None:
        """That was all."""
        if not self.done:
            self.done = True
            self.client.calls.discard(self)
            self._http2.finish(self._stream, grpc_status, why)


def _words_of(error: Exception) -> tuple[Code, str]:
    if isinstance(error, GrpcRefusal):
        return error.code, str(error)
    return code_of(remoting.code_of(error)), str(error)
