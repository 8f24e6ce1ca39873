"""What SimFiles is made of: files and directories that know what of them is on the disk."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Literal

SECTOR = 512

# How much of what was not synced may reach the disk; 0 and 1 are the likely cases.
LUCK = (0.0, 0.5, 0.9, 1.0)


@dataclass(slots=True)
class Change:
    """One write or cut of a file's content that no sync has made safe.

    "doomed": its sync failed, and nobody knows what became of it. "safe": synced, but there is
    something doomed before it.
    """

    position: int
    data: bytes
    cut: bool = False  # a truncate to `position`, not a write
    state: Literal["pending", "doomed", "safe"] = "pending"

    @property
    def end(self) -> int:
        """Where in the file it ends."""
        return self.position + len(self.data)


@dataclass(slots=True, eq=False)
class FileNode:
    """What a file holds now (`data`), and what of it is on the disk (`base`, then `changes`)."""

    data: bytearray = field(default_factory=bytearray)
    base: bytearray = field(default_factory=bytearray)
    changes: list[Change] = field(default_factory=list)
    unreported: bool = False  # pages of it were lost, and no sync of this file has said so yet

    def change(self, change: Change) -> None:
        """Write or cut; it is in the page cache."""
        _apply(self.data, change)
        self.changes.append(change)

    def synced(self) -> None:
        """Everything is safe, but what an earlier failed sync has left to chance (fsyncgate)."""
        for change in self.changes:
            if change.state == "pending":
                change.state = "safe"
        doomed = next((i for i, c in enumerate(self.changes) if c.state == "doomed"), None)
        for change in self.changes[:doomed]:
            _apply(self.base, change)
        del self.changes[:doomed]

    def sync_failed(self) -> None:
        """The kernel now takes these pages for clean: the next sync will not write them."""
        for change in self.changes:
            if change.state == "pending":
                change.state = "doomed"
                self.unreported = True

    def settle(self, data: bytes | bytearray) -> None:
        """Hold these bytes, on the disk."""
        self.data, self.base = bytearray(data), bytearray(data)
        self.changes.clear()

    def killed(self) -> "FileNode":
        """Return what is left when only our process dies: all of it, as far as it is safe."""
        changes = [replace(change) for change in self.changes]
        return FileNode(bytearray(self.data), bytearray(self.base), changes, self.unreported)

    def after_crash(self, rng: Random) -> "FileNode":
        """Return what a power cut may leave."""
        data = bytearray(self.base)
        if self.changes:
            for change, luck in zip(self.changes, self._lucks(rng), strict=True):
                _apply_by_luck(data, change, luck, rng)
        return FileNode(data, bytearray(data))

    def _lucks(self, rng: Random) -> list[float]:
        """Either any subset of the changes, or so many whole, one torn, and the rest lost."""
        count = len(self.changes)
        if rng.random() < 0.3:
            whole = rng.randrange(count)
            lucks = [1.0] * whole + [0.5] + [0.0] * (count - whole - 1)
        else:
            lucks = [rng.choice(LUCK)] * count
        states = zip(self.changes, lucks, strict=True)
        return [1.0 if change.state == "safe" else luck for change, luck in states]


@dataclass(slots=True, eq=False)
class DirNode:
    """The names in a directory now, and those on the disk."""

    names: "dict[str, Node]" = field(default_factory=dict)
    synced: "dict[str, Node]" = field(default_factory=dict)


Node = FileNode | DirNode


@dataclass(slots=True)
class NameChange:
    """A create, rename or unlink: one step, done or not done. None means the name is gone."""

    node: Node
    effects: tuple[tuple[DirNode, str, Node | None], ...]

    def apply(self, names_of: "Callable[[DirNode], dict[str, Node]]") -> None:
        """Do it, to one view of the directories."""
        for parent, name, node in self.effects:
            names = names_of(parent)
            if node is not None:
                names[name] = node
            else:
                names.pop(name, None)


class NamesAfterCrash(dict[DirNode, "dict[str, Node]"]):
    """The names in each directory after a power cut: those synced, and others by luck."""

    def __init__(self, changes: list[NameChange], rng: Random) -> None:
        """Choose, of the changes to each file's name, the first so many."""
        super().__init__()
        luck = rng.choice(LUCK)
        lost: set[int] = set()
        for change in changes:
            if id(change.node) in lost or rng.random() >= luck:
                lost.add(id(change.node))
            else:
                change.apply(self.__getitem__)

    def __missing__(self, node: DirNode) -> "dict[str, Node]":
        names = self[node] = dict(node.synced)
        return names


def _apply(data: bytearray, change: Change) -> None:
    if change.cut:
        _set_size(data, change.position)
    else:
        if len(data) < change.position:
            _set_size(data, change.position)
        data[change.position : change.end] = change.data


def _apply_by_luck(data: bytearray, change: Change, luck: float, rng: Random) -> None:
    """Apply a change as far as luck has it: sector by sector, and the size on its own."""
    if luck == 1.0 or (change.cut and rng.random() < luck):
        _apply(data, change)
    elif luck and not change.cut:
        size = max(len(data), _size_by_luck(change, luck, rng))
        for start, end in _sectors(change.position, change.end):
            if rng.random() < luck:
                piece = change.data[start - change.position : end - change.position]
                _apply(data, Change(start, piece))
        _set_size(data, size)


def _size_by_luck(change: Change, luck: float, rng: Random) -> int:
    """Return how far the file is said to reach, whatever of its data is there."""
    if rng.random() < luck:
        return change.end
    return rng.choice((0, rng.randint(change.position, change.end)))


def _sectors(start: int, end: int) -> list[tuple[int, int]]:
    """Cut a range where sectors meet."""
    edges = [start, *range((start // SECTOR + 1) * SECTOR, end, SECTOR), end]
    return list(pairwise(edges))


def _set_size(data: bytearray, size: int) -> None:
    if size < len(data):
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))
