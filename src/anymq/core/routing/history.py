"""Recent history: whoever binds gets the last messages first. They are in memory only."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar

from typing_extensions import override

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Message, Value
from anymq.core.routing.exchange import Binding, Declaration, Destination, Surroundings
from anymq.core.routing.simple import Bindings

LENGTH = "x-recent-history-length"
NO_STORE = "x-recent-history-no-store"
LENGTH_DEFAULT = 20
BYTES_MAX = 64 << 20  # of one exchange; the length alone says nothing about memory


class RecentHistory(Bindings):
    """To all, and the last ones also to those who come later."""

    description: ClassVar[str] = "Recent History Exchange."

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        super().__init__(declaration, surroundings)
        self._recent: deque[Message] = deque()
        self._bytes = 0
        self._length = declaration.arguments.get(LENGTH, LENGTH_DEFAULT)

    @override
    def check(self) -> None:
        if not _is_positive(self._length):
            raise PreconditionFailed(
                f"Invalid argument {self._length}, '{LENGTH}' must be a positive integer"
            )

    @override
    def bound(self, binding: Binding) -> None:
        for message in list(self._recent):
            self.surroundings.send(binding.destination, message)

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        if not message.traits.has_headers or message.read().headers.get(NO_STORE) is not True:
            self._keep(message)
        return [binding.destination for binding in self.bindings]

    def _keep(self, message: Message) -> None:
        self._recent.append(message)
        self._bytes += len(message.body)
        while len(self._recent) > self._length or self._bytes > BYTES_MAX:
            self._bytes -= len(self._recent.popleft().body)


def _is_positive(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
