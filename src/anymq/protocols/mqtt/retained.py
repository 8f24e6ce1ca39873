"""Retained messages of one virtual host, found by filters."""

from collections.abc import Iterator

from anymq.core.errors import Unavailable
from anymq.protocols.mqtt.kept import Kept, RetainedMessage, Then, ignore


class _Level:
    """What follows after some levels, and what is retained here."""

    __slots__ = ("following", "message")

    def __init__(self) -> None:
        self.following: dict[str, _Level] = {}
        self.message: RetainedMessage | None = None


Found = tuple[str, RetainedMessage]


class Room:
    """How much may be retained, in all virtual hosts together: all of it is in memory."""

    def __init__(self, count_max: int, bytes_max: int) -> None:
        self.count_max = count_max
        self.bytes_max = bytes_max
        self.count = self.bytes = 0

    def change(self, before: RetainedMessage | None, after: RetainedMessage | None) -> None:
        """One message takes the place of another."""
        self.count += (after is not None) - (before is not None)
        self.bytes += (after.size if after else 0) - (before.size if before else 0)

    def check(self, before: RetainedMessage | None, after: RetainedMessage) -> None:
        """Refuse what would be too much."""
        more = after.size - (before.size if before else 0)
        if (before is None and self.count >= self.count_max) or self.bytes + more > self.bytes_max:
            raise Unavailable("no more messages can be retained")


class Retained:
    """By topic. Changes are seen at once; `then` says that they are durable."""

    def __init__(self, vhost: str, kept: Kept, room: Room) -> None:
        self._vhost = vhost
        self._kept = kept
        self._room = room
        self._root = _Level()

    def restore(self, topic: str, message: RetainedMessage) -> None:
        """This was retained before the restart."""
        self._set(topic, message)

    def put(self, topic: str, message: RetainedMessage | None, then: Then) -> None:
        """Retain this for a topic; None: nothing. Unavailable when it is too much."""
        before = self.find(topic)
        if message is None and before is None:
            then(None)
            return
        if message is not None:
            self._room.check(before, message)
        self._set(topic, message)

        def kept(error: Exception | None) -> None:
            if error is not None and self.find(topic) is message:
                self._set(topic, before)
            then(error)

        self._kept.put_retained((self._vhost, topic), message, kept)

    def forget(self, topic: str) -> None:
        """It is too old."""
        self.put(topic, None, ignore)

    def find(self, topic: str) -> RetainedMessage | None:
        """Return what is retained for a topic."""
        at: _Level | None = self._root
        for level in topic.split("/"):
            at = at.following.get(level) if at is not None else None
        return at.message if at is not None else None

    def match(self, filter_: str) -> Iterator[Found | None]:
        """Yield what matches a filter, and None for each step that finds nothing.

        So whoever asks may stop after any of them, and go on later.
        """
        levels = filter_.split("/")
        work = [(self._root, 0, "")]
        while work:
            at, depth, name = work.pop()
            rest = levels[depth:]
            ends = not rest or rest == ["#"]
            yield (name, at.message) if ends and at.message is not None else None
            if rest:
                further = depth if rest[0] == "#" else depth + 1
                for level, following in self._steps(at, rest[0]):
                    path = level if at is self._root else f"{name}/{level}"
                    work.append((following, further, path))

    def _steps(self, at: _Level, wanted: str) -> list[tuple[str, _Level]]:
        """Return the levels to go on by. Topics that begin with $ are not for wildcards."""
        if wanted not in ("+", "#"):
            following = at.following.get(wanted)
            return [] if following is None else [(wanted, following)]
        found = list(at.following.items())
        if at is self._root:
            found = [one for one in found if not one[0].startswith("$")]
        return found

    def _set(self, topic: str, message: RetainedMessage | None) -> None:
        path = [self._root]
        levels = topic.split("/")
        for level in levels:
            path.append(path[-1].following.setdefault(level, _Level()))
        self._room.change(path[-1].message, message)
        path[-1].message = message
        for level, before, at in zip(
            reversed(levels), reversed(path[:-1]), reversed(path[1:]), strict=True
        ):
            if at.message is not None or at.following:
                return
            del before.following[level]

    def clear(self) -> None:
        """Its virtual host is no more."""
        for topic, _ in list(self._everything()):
            self.forget(topic)

    def _everything(self) -> Iterator[Found]:
        for level in list(self._root.following):
            yield from (one for one in self.match(f"{level}/#") if one is not None)
