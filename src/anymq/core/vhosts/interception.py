"""Interception: what interceptors make of a run, before it is routed."""

from collections.abc import Callable, Iterable, Sequence

from anymq.core.errors import PreconditionFailed, Refused
from anymq.core.interceptor import Interceptor, Publication
from anymq.core.message import Message, Run
from anymq.core.routing.answers import Answers
from anymq.core.routing.target import Then
from anymq.core.taps import Origin
from anymq.observability.log import Log as News

news = News(__name__)


class Interception:
    """The interceptors of one virtual host, in their order."""

    def __init__(self, vhost_name: str, interceptors: Iterable[Interceptor]) -> None:
        self._vhost_name = vhost_name
        self._all = tuple(one for one in interceptors if one.wants(vhost_name))

    def __bool__(self) -> bool:
        return bool(self._all)

    def publish(
        self, run: Run, then: Then | None, who: Origin, go_on: Callable[[Run, Then | None], bool]
    ) -> bool:
        """Publish what they make of it; True: it went somewhere, or to nobody because they say so.

        Raises what they raise: what came before in the run is on its way then, as it is when a
        message is refused by where it goes.
        """
        publication = Publication(self._vhost_name, who)
        parts: list[_Part] = []
        refusal: Refused | None = None
        for place, message in enumerate(run.messages):
            try:
                passed = self._pass(message, publication)
            except Refused as refused:
                refusal = refused
                break
            if passed is not None:
                if not parts or parts[-1].messages[-1].envelope is not passed.envelope:
                    parts.append(_Part())
                parts[-1].add(place, passed)
        if refusal is not None:
            for part in parts:
                go_on(part.run(), None)
            raise refusal
        return _publish(parts, len(run.messages), then, go_on)

    def _pass(self, message: Message, publication: Publication) -> Message | None:
        passed: Message | None = message
        for one in self._all:
            if passed is None:
                return None
            try:
                passed = one.publish(passed, publication)
            except Refused:
                raise
            except Exception:
                name = type(one).__name__
                news.exception("an interceptor failed", name=name, vhost=self._vhost_name)
                raise PreconditionFailed(f"interceptor {name} failed") from None
        return passed


class _Part:
    """Messages that are published to one place, and which of the run they were."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.messages: list[Message] = []

    def add(self, place: int, message: Message) -> None:
        self.places.append(place)
        self.messages.append(message)

    def run(self) -> Run:
        persistent = any(one.traits.persistent for one in self.messages)
        return Run(self.messages, persistent=persistent)


def _publish(
    parts: Sequence[_Part],
    size: int,
    then: Then | None,
    go_on: Callable[[Run, Then | None], bool],
) -> bool:
    if not parts:
        if then is not None:
            then(None)
        return True
    answers = None if then is None else Answers(size, len(parts), then)
    routed = False
    for part in parts:
        told = None if answers is None else answers.of(part.places)
        routed = go_on(part.run(), told) or routed
    return routed
