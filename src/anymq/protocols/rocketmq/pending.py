"""Pending: what a call waits for before it is answered."""

from collections.abc import Callable

from anymq.core.catalog import Then
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.errors import REFUSALS


class Pending:
    """Answers when everything that was asked for is durable; says no if any of it is not."""

    def __init__(self, call: Call, answer: Callable[[], None] | None = None) -> None:
        self._call = call
        self._answer = answer or call.answer
        self._open = 1  # one for `all_asked`
        self._error: Exception | None = None

    def ask(self, do: Callable[[Then], None]) -> None:
        """Do one thing, unless another was refused."""
        if self._error is not None:
            return
        self._open += 1
        try:
            do(self._done)
        except REFUSALS as error:
            self._done(error)

    def all_asked(self) -> None:
        """Nothing more will be asked for."""
        self._call.later()
        self._done(None)

    def _done(self, error: Exception | None) -> None:
        self._error = self._error or error
        self._open -= 1
        if self._open:
            return
        if self._error is None:
            self._answer()
        else:
            self._call.fail(self._error)
