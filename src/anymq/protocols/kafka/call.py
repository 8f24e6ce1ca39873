"""Call: one request on its way to its answer."""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any

from anymq.observability.log import Log
from anymq.protocols.kafka.codec import RequestHeader
from anymq.protocols.session import Output

if TYPE_CHECKING:
    from anymq.core.broker import Broker
    from anymq.protocols.kafka.api.registry import Api
    from anymq.protocols.kafka.session import KafkaSession

log = Log("anymq.kafka")

_PREFIX = Struct(">ii")
_PREFIX_WITH_TAGS = Struct(">iib")


class Call:
    """A handler answers it once, now or later; the session keeps the answers in order."""

    __slots__ = ("api", "header", "on_gone", "output", "owned", "session", "size", "version")

    def __init__(
        self, session: "KafkaSession", api: "Api", header: RequestHeader, size: int, owned: bool
    ) -> None:
        self.session = session
        self.api = api
        self.header = header
        self.version = header.api_version
        self.size = size  # the memory that the request takes while it waits, about
        self.owned = owned  # views into the request stay valid after the handler returns
        self.on_gone: Callable[[], None] | None = None  # the peer left before the answer
        self.output: Sequence[Output] | None = None

    @property
    def broker(self) -> "Broker":
        """The broker behind it all."""
        return self.session.broker

    @property
    def client_id(self) -> str:
        """What the client calls itself."""
        return self.header.client_id or ""

    def now_ms(self) -> int:
        """Return the time of day."""
        return self.session.broker.clock.wall_ms()

    def reply(self, response: Any) -> None:
        """Answer with one of the schema's structs."""
        try:
            body = self.api.encode_response(response, self.version)
        except Exception:
            # A bug of ours. Whoever calls may have others to tell: it must not hear of this.
            log.exception("an answer cannot be written", api=self.api.name, version=self.version)
            self.on_gone = self.nobody_waits
            self.session.hang_up("its answer could not be written")
            self.session.wake()
            return
        self.reply_pieces([body], len(body))

    def reply_pieces(self, body: Sequence[Output], size: int) -> None:
        """Answer with a body of `size` bytes that is encoded already."""
        self._finish([self._prefix(size), *body])

    def reply_nothing(self) -> None:
        """End a call that the peer awaits no answer for."""
        self._finish([])

    def nobody_waits(self) -> None:
        """The peer is gone, and there is nothing to take back."""

    def _prefix(self, size: int) -> bytes:
        correlation_id = self.header.correlation_id
        if self.api.response_has_tags(self.version):
            return _PREFIX_WITH_TAGS.pack(size + 5, correlation_id, 0)
        return _PREFIX.pack(size + 4, correlation_id)

    def _finish(self, output: Sequence[Output]) -> None:
        assert self.output is None, "answered twice"
        self.output = output
        if not self.session.gone:
            self.session.answered()
