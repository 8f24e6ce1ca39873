"""Deduplication: who publishes a message twice within a window has it in the queue once.

In memory: after a restart the window is empty. What tells messages apart is the header
`x-deduplication-header`, as in RabbitMQ's plugin, or the message id; without either, nothing does.
"""

from collections import deque
from collections.abc import Hashable, Sequence

from anymq.core.joined import Joined
from anymq.core.message import Message, Run
from anymq.core.queues.unwritten import Then

HEADER = "x-deduplication-header"
REMEMBERED_MAX = 1_000_000  # of one queue; beyond, the oldest are forgotten early


class Window:
    """The messages of the last so many milliseconds, by what tells them apart."""

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self._seen: set[Hashable] = set()
        self._pending: dict[Hashable, list[Then]] = {}  # not safe yet, and who waits for each
        self._order: deque[tuple[int, Hashable]] = deque()  # until when, what

    def __len__(self) -> int:
        return len(self._seen)

    def new_of(self, run: Run, now_ms: int) -> list[Message]:
        """Return the messages that were not there yet, and remember them."""
        self._forget(now_ms)
        return [message for message in run.messages if self._is_new(message, now_ms)]

    def answer(self, run: Run, new: Sequence[Message], then: Then | None) -> Then:
        """Return whom to tell what became of the `new` ones of a run.

        What is not kept after all was never here: who tries again is not a duplicate. And who sends
        a duplicate of what is not safe yet, hears the same as who sent that.
        """
        said = {key_of(message) for message in run.messages}
        under_way = [self._pending[key] for key in said if key in self._pending]
        joined = Joined(then or _nobody, 1 + len(under_way))
        for waiting in under_way:
            waiting.append(joined)
        keys = [key for message in new if (key := key_of(message)) is not None]
        for key in keys:
            self._pending.setdefault(key, [])

        def answered(error: Exception | None) -> None:
            if error is not None:
                self._seen.difference_update(keys)
            waiting = [other for key in keys for other in self._pending.pop(key, ())]
            joined(error)
            for other in waiting:
                other(error)

        return answered

    def _is_new(self, message: Message, now_ms: int) -> bool:
        key = key_of(message)
        if key is None:
            return True
        if key in self._seen:
            return False
        self._seen.add(key)
        self._order.append((now_ms + self.window_ms, key))
        return True

    def _forget(self, now_ms: int) -> None:
        order = self._order
        while order and (order[0][0] <= now_ms or len(order) > REMEMBERED_MAX):
            self._seen.discard(order.popleft()[1])


def _nobody(error: Exception | None) -> None:
    """Nobody waits."""


def key_of(message: Message) -> Hashable:
    """Return what tells it from others; None: nothing does."""
    properties = message.read()
    said = properties.headers.get(HEADER)
    if said is None:
        return properties.message_id
    return said if isinstance(said, str | int | float | bytes) else repr(said)
