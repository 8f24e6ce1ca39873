"""A room where members of groups meet: time moves when told, the disk is done when told."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from struct import pack
from typing import Any, TypeVar

from tests.unit.core.streams.memory_log import MemoryLog
from typing_extensions import override

from anymq.core.streams.group_calls import (
    CommitRequest,
    GroupError,
    GroupSettings,
    JoinRequest,
    JoinResult,
    Leaver,
    NewOffset,
    OffsetsResult,
    State,
    SyncRequest,
    SyncResult,
)
from anymq.core.streams.groups import Groups
from anymq.core.streams.offset_records import LOG_CONFIG, LOG_ID
from anymq.core.streams.offsets import TopicOffsets
from anymq.core.timers import Timers
from anymq.storage.errors import StorageError

GROUP = "readers"


def subscription(*topics: str) -> bytes:
    """What a Kafka client says to its group: these topics, no user data, and what it owns."""
    names = b"".join(pack(">h", len(name)) + name.encode() for name in topics)
    return pack(">hi", 1, len(topics)) + names + pack(">ii", -1, 0)


Answer = TypeVar("Answer")


def once(then: Callable[[Answer], None]) -> Callable[[Answer], None]:
    """Let nobody answer a second time."""
    answers: list[Answer] = []

    def check_and_tell(answer: Answer) -> None:
        answers.append(answer)
        assert len(answers) == 1, answers
        then(answer)

    return check_and_tell


class HandClock:
    """Time moves when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def wall_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


class Room:
    """All groups, a clock, a disk."""

    def __init__(self, settings: GroupSettings | None = None, seed: int = 0) -> None:
        self.clock = HandClock()
        self.timers = Timers()
        self.log = MemoryLog(LOG_ID, LOG_CONFIG)
        self.settings = settings or GroupSettings()
        self.chance = random.Random(seed)
        self.groups = self._open()

    def _open(self) -> Groups:
        return Groups(
            self.log,
            clock=self.clock,
            timers=self.timers,
            random=self.chance.randbytes,
            settings=self.settings,
        )

    def member(self, name: str, **words: Any) -> "Client":
        return Client(self, name, **words)

    def stable(self, *names: str, **words: Any) -> list["Client"]:
        """Members that have agreed; the first of them leads."""
        members = [self.member(name, **words) for name in names]
        for member in members:
            member.joins()
        for member in members:  # who is here already hears that somebody came
            if not member.waits:
                member.joins()
        for member in members:
            assert member.error is None
            member.syncs({other: other.name.encode() for other in members})
        assert self.state is State.STABLE
        return members

    def wait(self, seconds: float) -> None:
        """Time goes by, and whatever is due happens when it is due."""
        until = self.clock.seconds + seconds
        while (due := self.timers.next_due()) is not None and due <= until:
            self.clock.seconds = max(due, self.clock.seconds)
            self.timers.run(self.clock.seconds)
        self.clock.seconds = until

    def restart(self) -> None:
        """All that is not on disk is gone."""
        self.log.roll_back(StorageError("restart"))
        self.timers = Timers()
        self.groups = self._open()
        self.groups.restore()

    @property
    def state(self) -> State:
        return self.groups.describe(GROUP).state

    @property
    def generation(self) -> int:
        return self.groups.describe(GROUP).generation

    def commit(self, offsets: Sequence[NewOffset], **words: Any) -> "Told":
        """Ask to keep offsets, as a reader that assigns itself unless told otherwise."""
        told = Told()
        request = CommitRequest(group=words.pop("group", GROUP), offsets=offsets, **words)
        self.groups.commit(request, told.offsets)
        return told

    def keeps(self, group: str = GROUP) -> dict[tuple[str, int], int]:
        """What is committed."""
        told = Told()
        self.groups.committed(group, told.committed)
        assert told.count == 1
        return told.positions


class Told:
    """What came back, and how often."""

    def __init__(self) -> None:
        self.count = 0
        self.error: GroupError | None = None
        self.refused: Mapping[tuple[str, int], GroupError] = {}
        self.positions: dict[tuple[str, int], int] = {}

    def offsets(self, result: OffsetsResult) -> None:
        self.count += 1
        self.error, self.refused = result.error, result.refused

    def outcome(self, error: GroupError | None) -> None:
        self.count += 1
        self.error = error

    def committed(self, offsets: TopicOffsets) -> None:
        self.count += 1
        self.positions = {
            (topic, index): offset.offset
            for topic, partitions in offsets.items()
            for index, offset in partitions.items()
        }


class Client:
    """One member, who does what it is told and remembers what it hears."""

    def __init__(
        self, room: Room, name: str, *, topics: Sequence[str] = ("orders",), **words: Any
    ) -> None:
        self.room = room
        self.name = name
        self.member_id = ""
        self.generation = -1
        self.joined: JoinResult | None = None
        self.synced: SyncResult | None = None
        self.asked = self.answered = 0
        self.request = JoinRequest(
            group=words.pop("group", GROUP),
            protocol_type=words.pop("protocol_type", "consumer"),
            protocols=words.pop("protocols", (("range", subscription(*topics)),)),
            session_timeout_ms=words.pop("session_timeout_ms", 10_000),
            rebalance_timeout_ms=words.pop("rebalance_timeout_ms", 60_000),
            client_id=name,
            client_host="127.0.0.1",
            knows_member_id_required=words.pop("knows_member_id_required", True),
            **words,
        )

    @override
    def __repr__(self) -> str:
        return f"<{self.name} {self.member_id}>"

    # -- what it does

    def joins(self, **changes: Any) -> "Client":
        """Join; as clients do, again when it is told its member id first."""
        self.request = replace(self.request, **changes)
        self.joined = None
        self.asked += 1
        request = replace(self.request, member_id=self.member_id)
        self.room.groups.join(request, once(self._on_joined))
        if self.error is GroupError.MEMBER_ID_REQUIRED:
            self.joins()
        return self

    def syncs(self, assignments: Mapping["Client", bytes] | None = None) -> "Client":
        """Ask for its part; bring everyone's if it leads."""
        self.synced = None
        self.asked += 1
        parts = {member.member_id: part for member, part in (assignments or {}).items()}
        request = SyncRequest(
            group=self.request.group,
            member_id=self.member_id,
            generation=self.generation,
            instance_id=self.request.instance_id,
            assignments=parts if self.leads else {},
        )
        self.room.groups.sync(request, once(self._on_synced))
        return self

    def beats(self) -> GroupError | None:
        """Send a heartbeat."""
        return self.room.groups.heartbeat(
            self.request.group, self.member_id, self.generation, self.request.instance_id
        )

    def leaves(self) -> GroupError | None:
        """Go, in good order."""
        (error,) = self.room.groups.leave(self.request.group, [Leaver(self.member_id)])
        return error

    def commits(self, *offsets: NewOffset) -> Told:
        """Say how far it has read."""
        return self.room.commit(
            offsets,
            group=self.request.group,
            member_id=self.member_id,
            generation=self.generation,
            instance_id=self.request.instance_id,
        )

    # -- what it knows

    @property
    def waits(self) -> bool:
        """Does it wait for an answer?"""
        return self.answered < self.asked

    @property
    def error(self) -> GroupError | None:
        return self.joined.error if self.joined is not None else None

    @property
    def leads(self) -> bool:
        return self.joined is not None and self.joined.leader == self.member_id

    @property
    def part(self) -> bytes | GroupError | None:
        """What it is to read; why not; or None while it waits."""
        if self.synced is None:
            return None
        return self.synced.error or self.synced.assignment

    def _on_joined(self, result: JoinResult) -> None:
        self.answered += 1
        self.joined = result
        if result.error in (None, GroupError.MEMBER_ID_REQUIRED, GroupError.UNKNOWN_MEMBER):
            self.member_id = result.member_id
        if result.error is None:
            self.generation = result.generation

    def _on_synced(self, result: SyncResult) -> None:
        self.answered += 1
        self.synced = result
