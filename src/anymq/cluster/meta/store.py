"""MetadataStore: what definitions are kept in. Embedded on one node, etcd in a cluster.

Messages, offsets, acknowledgements and the state of groups are never in it: they are records in
logs. Reads are answered from memory (an etcd client keeps a copy, by watching); changes are
compare-and-set, all or nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

ABSENT = -1  # the revision of a key that is not there

Watcher = Callable[[str, "Entry | None"], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, and when it was written: revisions only grow."""

    value: bytes
    revision: int


class CompareFailed(Exception):
    """Somebody else was first: a key is not at the revision that was expected."""


class Lease(Protocol):
    """Keys that live only as long as who wrote them."""

    def keep_alive(self) -> None:
        """Live on for another while."""

    def revoke(self) -> None:
        """End it: its keys are deleted."""


class MetadataStore(Protocol):
    """A small ordered map of paths to values."""

    def get(self, key: str) -> Entry | None:
        """Return what is at `key`."""

    def range(self, prefix: str) -> Mapping[str, Entry]:
        """Return everything whose key begins with `prefix`."""

    def txn(
        self,
        compare: Mapping[str, int],
        changes: Mapping[str, bytes | None],
        then: Callable[[Exception | None], None],
        lease: Lease | None = None,
    ) -> None:
        """Make the changes if every compared key is at its revision (`ABSENT`: not there).

        `then(None)` once it is durable; `then(CompareFailed)`, or what else went wrong: nothing is
        changed.
        """

    def watch(self, prefix: str, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` for each change below `prefix`; return how to stop that."""

    def lease(self, ttl_s: float) -> Lease:
        """Return a lease that ends when it is not kept alive."""
