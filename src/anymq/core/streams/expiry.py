"""Expiry: which offsets nobody will miss.

Offsets of a group with members stay, but for topics that no member reads any more; those of a
group without members go some days after the last one went; those of readers that assign themselves
go some days after they were written.
"""

from collections.abc import Container, Mapping
from functools import partial

from anymq.core.streams.generations import Surroundings
from anymq.core.streams.group import Group
from anymq.core.streams.group_calls import State
from anymq.core.streams.offset_records import CommittedOffset, GroupRecord
from anymq.core.streams.offsets import Kept, Offsets
from anymq.core.streams.subscription import CONSUMER
from anymq.storage.errors import StorageError

OFFSETS_LOOKED_AT_MAX = 10_000  # in one run, so that nobody waits for it


class Expiry:
    """Goes through all groups, every so often, a part at a time."""

    def __init__(
        self,
        around: Surroundings,
        offsets: Offsets,
        live: Mapping[str, Group],
        clients: Container[str],
    ) -> None:
        self._around = around
        self._offsets = offsets
        self._live = live
        self._clients = clients  # groups whose members share by themselves
        self._round: list[str] = []
        self._next_round_ms = 0

    def run(self, now_ms: int) -> list[str]:
        """Let offsets expire; return the groups that nobody is in any more."""
        next_ms = now_ms + self._around.settings.offsets_check_ms
        # Also when the next round seems to be very far away: then the clock was set back.
        if not self._round and not now_ms < self._next_round_ms <= next_ms:
            self._next_round_ms = next_ms
            self._round = list({*self._live, *self._offsets.groups()})
        looked_at, deserted = 0, []
        while self._round and looked_at < OFFSETS_LOOKED_AT_MAX:
            name = self._round.pop()
            if name in self._clients:
                continue
            looked_at += 1 + sum(map(len, self._offsets.of(name).offsets.values()))
            live = self._live.get(name)
            is_deserted = live is None or (live.state is State.EMPTY and not live.members.invited)
            if is_deserted:
                deserted.append(name)
            if self._offsets.is_settled(name):  # else it is in use, and what we see is not the last
                self._expire(name, live, is_deserted, now_ms)
        return deserted

    def _expire(self, name: str, live: Group | None, is_deserted: bool, now_ms: int) -> None:
        kept = self._offsets.of(name)
        expired = self._expired(live, kept, now_ms)
        if is_deserted and len(expired) == sum(map(len, kept.offsets.values())):
            self._offsets.delete_group(name, _nobody)
            return
        if expired:
            self._offsets.delete(name, expired, _nobody)
        if is_deserted and kept.record is not None and kept.record.empty_since_ms < 0:
            # We went down while it had members, and none came back.
            record = GroupRecord(kept.record.protocol_type, kept.record.generation, now_ms)
            self._offsets.put_record(name, record, _nobody)

    def _expired(self, live: Group | None, kept: Kept, now_ms: int) -> list[tuple[str, int]]:
        if live is not None and live.state is not State.EMPTY:
            generations = live.generations
            if generations.protocol_type != CONSUMER or live.state is not State.STABLE:
                return []
            return self._older(kept, None, now_ms, live)
        if kept.record is None:
            return self._older(kept, None, now_ms, None)
        since = kept.record.empty_since_ms
        return self._older(kept, since if since >= 0 else now_ms, now_ms, None)

    def _older(
        self, kept: Kept, since_ms: int | None, now_ms: int, readers: Group | None
    ) -> list[tuple[str, int]]:
        """Return the partitions whose time is over, counted from `since_ms` or from the commit."""
        is_over = partial(self._is_over, since_ms, now_ms)
        return [
            (topic, partition)
            for topic, partitions in kept.offsets.items()
            if readers is None or not readers.generations.is_subscribed_to(topic)
            for partition, offset in partitions.items()
            if is_over(offset)
        ]

    def _is_over(self, since_ms: int | None, now_ms: int, offset: CommittedOffset) -> bool:
        if offset.expires_ms >= 0:
            return now_ms >= offset.expires_ms
        since_ms = offset.committed_ms if since_ms is None else since_ms
        return now_ms - since_ms >= self._around.settings.offsets_retention_ms


def _nobody(error: StorageError | None) -> None:
    """What could not be deleted now expires in the next round."""
