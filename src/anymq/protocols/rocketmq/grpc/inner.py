"""InnerCall: a request of the remoting protocol that nobody sent.

Calls by gRPC mean what requests by remoting mean, so they are made into those, and their handlers
answer both: Apache's own proxy does the same over the network. Here it is a function call.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from typing_extensions import override

from anymq.core.rights.access import Access
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codec import Answers, Frame, Kind
from anymq.protocols.rocketmq.codes import ResponseCode

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.client import GrpcClient


class Answer(NamedTuple):
    """What a handler said."""

    code: int
    remark: str
    ext: Mapping[str, object]
    body: bytes

    def text(self, name: str, default: str = "") -> str:
        """Return a field."""
        value = self.ext.get(name)
        return default if value is None else str(value)

    def number(self, name: str, default: int = 0) -> int:
        """Return a field that is a number."""
        value = self.ext.get(name)
        return default if value is None or value == "" else int(str(value))


Then = Callable[[Answer], None]


class InnerCall(Call):
    """One of them."""

    __slots__ = ("_then",)

    def __init__(
        self,
        client: "GrpcClient",
        access: Access,
        code: int,
        ext: Mapping[str, object],
        body: bytes,
        then: Then,
    ) -> None:
        said = {name: _text(value) for name, value in ext.items() if value is not None}
        frame = Frame(
            code,
            0,
            0,
            said,
            body,
            "",
            client.language,
            client.version,
            Kind.JSON,
            len(body),
        )
        super().__init__(client, frame, access)
        self._then = then

    @override
    def answer(
        self,
        ext: Mapping[str, object] | None = None,
        body: bytes = b"",
        *,
        code: int = ResponseCode.SUCCESS,
        remark: str = "",
    ) -> None:
        """Hand the answer over."""
        assert not self.answered, "answered twice"
        self.answered = True
        self.client.answered(self)
        self._then(Answer(code, remark, ext or {}, body))

    @override
    def answer_with(self, answers: Answers, values: Sequence[bytes], body: bytes = b"") -> None:
        self.answer(answers.fields(values), body, code=answers.code, remark=answers.remark)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
