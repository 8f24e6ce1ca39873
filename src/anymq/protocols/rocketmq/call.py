"""Call: one request on its way to its answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from anymq.protocols.rocketmq import errors
from anymq.protocols.rocketmq.codec import Answers, Frame, head_of
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest

if TYPE_CHECKING:
    from anymq.core.broker import Broker
    from anymq.core.rights.access import Access
    from anymq.protocols.rocketmq.caller import Caller
    from anymq.protocols.rocketmq.rocketmq import RocketMq

_RESPONSE = 1
_TRUE = frozenset({"true", "1", "True", "TRUE"})
_REQUIRED = object()
INT_MIN, INT_MAX, LONG_MAX = -(1 << 31), (1 << 31) - 1, (1 << 63) - 1


class Call:
    """A handler answers it once, now or later; answers need not come in the order of requests."""

    __slots__ = ("_nobody_waits", "access", "answered", "body", "client", "ext", "frame", "on_gone")

    def __init__(self, client: "Caller", frame: Frame, access: "Access") -> None:
        self.client = client
        self.frame = frame
        self.ext = frame.ext
        self.body = frame.body
        self.access = access
        self.answered = False
        # It waits for messages: what to do when the peer leaves meanwhile. None: for the disk.
        self.on_gone: Callable[[], None] | None = None
        self._nobody_waits = frame.is_oneway

    @property
    def rocketmq(self) -> "RocketMq":
        """What all connections share."""
        return self.client.rocketmq

    @property
    def broker(self) -> "Broker":
        """The broker behind it all."""
        return self.client.rocketmq.broker

    @property
    def code(self) -> int:
        """Which request it is."""
        return self.frame.code

    @property
    def is_oneway(self) -> bool:
        """Does nobody await an answer?"""
        return self._nobody_waits

    def now_ms(self) -> int:
        """Return the time of day."""
        return self.client.rocketmq.broker.clock.wall_ms()

    # What it says

    def text(self, name: str, default: "str | object" = _REQUIRED) -> str:
        """Return a field; BadRequest when it is missing and need not be."""
        value = self.ext.get(name)
        if value is not None:
            return value
        if default is _REQUIRED:
            raise BadRequest(f"the field {name} is missing")
        return str(default)

    def number(
        self,
        name: str,
        default: int | None = None,
        *,
        at_least: int = -1 - LONG_MAX,
        at_most: int = LONG_MAX,
    ) -> int:
        """Return a field that is a number, within these limits."""
        said = self.ext.get(name)
        if said is None or said == "":
            if default is None:
                raise BadRequest(f"the field {name} is missing")
            return default
        try:
            value = int(said)
        except ValueError:
            raise BadRequest(f"{name} is no number: {said[:32]!r}") from None
        if not at_least <= value <= at_most:
            raise BadRequest(f"{name} is {value}, not within {at_least}..{at_most}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a field that says yes or no, in one of the ways that clients do."""
        said = self.ext.get(name)
        return default if said is None else said in _TRUE

    # Its answer

    def answer(
        self,
        ext: Mapping[str, object] | None = None,
        body: bytes = b"",
        *,
        code: int = ResponseCode.SUCCESS,
        remark: str = "",
    ) -> None:
        """Answer; a request that awaits none is done with."""
        if self._is_awaited():
            frame = self.frame
            head = head_of(code, frame.opaque, _RESPONSE, ext or {}, len(body), remark, frame.kind)
            self.client.answered(self, head, body)

    def answer_with(self, answers: Answers, values: Sequence[bytes], body: bytes = b"") -> None:
        """As `answer`, of those whose fields are always the same. Hot: every send and pull."""
        if self._is_awaited():
            frame = self.frame
            head = answers.head(frame.opaque, values, len(body), frame.kind)
            self.client.answered(self, head, body)

    def _is_awaited(self) -> bool:
        """Is it to be written? It is answered now, in any case."""
        assert not self.answered, "answered twice"
        self.answered = True
        if self._nobody_waits:
            self.client.answered(self)
        return not self._nobody_waits

    def refuse(self, code: int, remark: str, ext: Mapping[str, object] | None = None) -> None:
        """Answer no, and why."""
        self.answer(ext, code=code, remark=remark)

    def fail(self, error: Exception) -> None:
        """Answer no, with what the core said."""
        self.refuse(errors.code_of(error), str(error))

    def later(self, on_gone: Callable[[], None] | None = None) -> None:
        """It is answered later. `on_gone`: it waits for messages, and what to do if nobody is there
        any more; without, it waits for the disk, and a stop of the broker waits for it.
        """
        self.on_gone = on_gone
