"""SimFiles: a file system in memory that loses power when told to.

It keeps what was synced apart from what was only written. `crash` gives a directory as a power
cut at this moment may leave it: of the unsynced writes any 512-byte sectors, in any order, across
files; sizes that grew without their data; creates, renames and unlinks lost unless their directory
was synced. What was synced is always there. `killed` gives what the death of our process alone
leaves: everything.

Each changing system call first tells `on_syscall`, so a test can take an image at each of them,
and then fails if a `fault` was planned.
"""

import errno
import os
import posixpath
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from typing_extensions import override

from anymq.storage.errors import DirectoryInUse
from anymq.storage.files import Buffer, File, Files
from anymq.testing.simdisk import Change, DirNode, FileNode, NameChange, NamesAfterCrash, Node

UNLIMITED = 2**60


@dataclass(slots=True)
class Fault:
    """A planned failure: the calls of `op` whose path pleases `when` fail with `error`.

    A write first takes `short` bytes; with no `error` it returns that number and nothing fails.
    """

    op: str
    error: int
    when: Callable[[str], bool]
    skip: int
    times: int
    short: int | None = None
    hits: int = 0

    def strikes(self, op: str, path: str) -> bool:
        """Is this call to fail? Counts it."""
        if op != self.op or self.times == 0 or not self.when(path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        self.hits += 1
        return True

    def raise_it(self, path: str) -> None:
        """Raise the error, if it is one."""
        if self.error:
            raise _error(self.error, path)


class SimFile(File):
    """An open file. It lives on when its name is gone."""

    def __init__(self, files: "SimFiles", node: FileNode, path: str) -> None:
        self._files = files
        self._node = node
        self._path = path
        self.closed = False

    @override
    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        self._check_open()
        data = b"".join(buffers)
        fault = self._files.syscall("pwritev", self._path)
        if fault is not None:
            data = data[: fault.short or 0]
        room = self._files.room_for(self._node, position, len(data))
        data = data[:room]
        if data:
            self._node.change(Change(position, data))
        if fault is not None and not fault.short:
            fault.raise_it(self._path)
        if room == 0:
            raise _error(errno.ENOSPC, self._path)
        return len(data)

    @override
    def pread(self, size: int, position: int) -> bytes:
        self._check_open()
        self._files.reading("pread", self._path)
        return bytes(self._node.data[position : position + size])

    @override
    def sync(self) -> None:
        self._check_open()
        fault = self._files.syscall("sync", self._path)
        node = self._node
        if fault is not None:
            node.sync_failed()
            node.unreported = False
            fault.raise_it(self._path)
        node.synced()
        if node.unreported:  # since a sync of the whole disk failed: each file says so once
            node.unreported = False
            raise _error(errno.EIO, self._path)

    @override
    def truncate(self, size: int) -> None:
        self._check_open()
        self._files.fail_or_go("truncate", self._path)
        self._node.change(Change(size, b"", cut=True))

    @override
    def size(self) -> int:
        return len(self._node.data)

    @override
    def fileno(self) -> int:
        return -1

    @override
    def close(self) -> None:
        self.closed = True

    def _check_open(self) -> None:
        if self.closed:
            raise _error(errno.EBADF, self._path)


class SimFiles(Files):
    """One data directory in memory. See the head of this file."""

    def __init__(self, *, capacity: int = UNLIMITED, handles_max: int = UNLIMITED) -> None:
        self.capacity = capacity
        self.handles_max = handles_max
        self.on_syscall: Callable[[str, str], None] | None = None
        self.faults: list[Fault] = []
        self._root = DirNode()
        self._name_changes: list[NameChange] = []
        self._handles: weakref.WeakSet[SimFile] = weakref.WeakSet()
        self._locks: dict[str, weakref.ref[SimFile]] = {}

    # What a test does to it.

    def fault(
        self,
        op: str,
        error: int = 0,
        *,
        when: Callable[[str], bool] = lambda _path: True,
        skip: int = 0,
        times: int = 1,
        short: int | None = None,
    ) -> Fault:
        """Plan a failure of the system call `op`; with `short` and no error, a short write."""
        fault = Fault(op, error, when, skip, times, short)
        self.faults.append(fault)
        return fault

    def crash(self, rng: Random, *, flips: int = 0) -> "SimFiles":
        """Return the directory as a power cut now may leave it, with `flips` bits turned over."""
        names = NamesAfterCrash(self._name_changes, rng)
        image = self._image(lambda node: names[node], lambda node: node.after_crash(rng))
        for _ in range(flips):
            image._flip_a_bit(rng)
        return image

    def killed(self) -> "SimFiles":
        """Return the directory as the death of our process leaves it; settled, as after `sync`."""
        return self._image(lambda node: node.names, FileNode.killed)

    def paths(self) -> list[str]:
        """Return the paths of all files, in order."""
        return [path for path, _node in self._walk(self._root, "")]

    def content(self, path: str) -> bytes:
        """Return what is in a file."""
        return bytes(self._file(path).data)

    def put(self, path: str, data: bytes) -> None:
        """Make a file hold these bytes, on the disk: damage, or a directory to start with."""
        self.make_dir(posixpath.dirname(path))
        self.open(path, create=True)
        self._file(path).settle(data)
        self._settle_names(lambda _change: True)

    def open_handles(self) -> int:
        """Return how many files are open."""
        return sum(not handle.closed for handle in self._handles)

    # What the storage does with it.

    @override
    def open(self, path: str, *, create: bool = False) -> File:
        parent, name = self._parent(path)
        node = parent.names.get(name)
        if self.handles_max < UNLIMITED and self.open_handles() >= self.handles_max:
            raise _error(errno.EMFILE, path)
        if node is None and create:
            self.fail_or_go("open", path)
            node = FileNode()
            self._change_names(node, (parent, name, node))
        else:
            self.reading("open", path)
        if node is None:
            raise _error(errno.ENOENT, path)
        if isinstance(node, DirNode):
            raise _error(errno.EISDIR, path)
        handle = SimFile(self, node, path)
        self._handles.add(handle)
        return handle

    @override
    def list(self, path: str) -> list[str]:
        self.reading("list", path)
        node = self._find(path)
        return sorted(node.names) if isinstance(node, DirNode) else []

    @override
    def exists(self, path: str) -> bool:
        return self._find(path) is not None

    @override
    def make_dir(self, path: str) -> None:
        node = self._root
        for name in _parts(path):
            below = node.names.get(name)
            if below is None:
                self.fail_or_go("make_dir", path)
                below = DirNode()
                self._change_names(below, (node, name, below))
            if isinstance(below, FileNode):
                raise _error(errno.ENOTDIR, path)
            node = below

    @override
    def rename(self, old: str, new: str) -> None:
        self.fail_or_go("rename", old)
        (old_parent, old_name), (new_parent, new_name) = self._parent(old), self._parent(new)
        node = old_parent.names.get(old_name)
        if node is None:
            raise _error(errno.ENOENT, old)
        if isinstance(new_parent.names.get(new_name), DirNode):
            raise _error(errno.ENOTEMPTY, new)
        if old != new:
            self._change_names(node, (old_parent, old_name, None), (new_parent, new_name, node))

    @override
    def unlink(self, path: str) -> None:
        self.fail_or_go("unlink", path)
        node = self._find(path)
        if isinstance(node, DirNode):
            raise _error(errno.EISDIR, path)
        if node is not None:
            self._change_names(node, (*self._parent(path), None))

    @override
    def remove_dir(self, path: str) -> None:
        node = self._find(path)
        if not isinstance(node, DirNode):
            return
        for name, below in list(node.names.items()):
            below_path = posixpath.join(path, name)
            if isinstance(below, DirNode):
                self.remove_dir(below_path)
            else:
                self.unlink(below_path)
        self.fail_or_go("remove_dir", path)
        self._change_names(node, (*self._parent(path), None))

    @override
    def sync_dir(self, path: str) -> None:
        self.fail_or_go("sync_dir", path)
        node = self._find(path)
        if not isinstance(node, DirNode):
            raise _error(errno.ENOENT, path)
        self._settle_names(lambda change: any(parent is node for parent, _, _ in change.effects))

    @override
    def sync_all(self) -> None:
        fault = self.syscall("sync_all", "")
        for _path, node in self._walk(self._root, ""):
            if fault is None:
                node.synced()
            else:
                node.sync_failed()
        if fault is not None:
            fault.raise_it("")
        self._settle_names(lambda _change: True)

    @override
    def free_bytes(self) -> int:
        used = sum(len(node.data) for _path, node in self._walk(self._root, ""))
        return max(0, self.capacity - used)

    @override
    def lock(self, path: str) -> File:
        holder = self._locks.get(path)
        handle = holder() if holder is not None else None
        if handle is not None and not handle.closed:
            raise DirectoryInUse(path)
        lock = self.open(path, create=True)
        assert isinstance(lock, SimFile)
        self._locks[path] = weakref.ref(lock)
        return lock

    # Inside.

    def syscall(self, op: str, path: str) -> Fault | None:
        """A call that changes something: here a test may crash us. The fault that strikes it."""
        if self.on_syscall is not None:
            self.on_syscall(op, path)
        return next((fault for fault in self.faults if fault.strikes(op, path)), None)

    def fail_or_go(self, op: str, path: str) -> None:
        """Begin a call that fails as a whole or not at all."""
        fault = self.syscall(op, path)
        if fault is not None:
            fault.raise_it(path)

    def reading(self, op: str, path: str) -> None:
        """Begin a call that changes nothing: no place to crash at, but it may fail."""
        for fault in self.faults:
            if fault.strikes(op, path):
                fault.raise_it(path)

    def room_for(self, node: FileNode, position: int, size: int) -> int:
        """Return how many of these bytes fit on the disk."""
        if self.capacity >= UNLIMITED:
            return size
        inside = max(0, len(node.data) - position)
        return min(size, inside + self.free_bytes())

    def _change_names(self, node: Node, *effects: tuple[DirNode, str, Node | None]) -> None:
        change = NameChange(node, effects)
        change.apply(lambda parent: parent.names)
        self._name_changes.append(change)

    def _settle_names(self, chosen: Callable[[NameChange], bool]) -> None:
        """Make name changes durable. One brings along the earlier ones of the same file."""
        ours = {id(change.node) for change in self._name_changes if chosen(change)}
        for change in self._name_changes:
            if id(change.node) in ours:
                change.apply(lambda parent: parent.synced)
        self._name_changes = [c for c in self._name_changes if id(c.node) not in ours]

    def _image(
        self,
        names_of: "Callable[[DirNode], dict[str, Node]]",
        copy_of: Callable[[FileNode], FileNode],
    ) -> "SimFiles":
        def copy(node: DirNode) -> DirNode:
            names: dict[str, Node] = {
                name: copy(below) if isinstance(below, DirNode) else copy_of(below)
                for name, below in names_of(node).items()
            }
            return DirNode(names, dict(names))

        image = SimFiles(capacity=self.capacity, handles_max=self.handles_max)
        image._root = copy(self._root)
        return image

    def _flip_a_bit(self, rng: Random) -> None:
        nodes = [node for _path, node in self._walk(self._root, "") if node.data]
        if nodes:
            node = rng.choice(nodes)
            node.data[rng.randrange(len(node.data))] ^= 1 << rng.randrange(8)
            node.settle(node.data)

    def _walk(self, node: DirNode, path: str) -> Iterator[tuple[str, FileNode]]:
        for name, below in sorted(node.names.items()):
            if isinstance(below, DirNode):
                yield from self._walk(below, f"{path}{name}/")
            else:
                yield path + name, below

    def _find(self, path: str) -> Node | None:
        node: Node | None = self._root
        for name in _parts(path):
            node = node.names.get(name) if isinstance(node, DirNode) else None
        return node

    def _file(self, path: str) -> FileNode:
        node = self._find(path)
        if not isinstance(node, FileNode):
            raise _error(errno.ENOENT, path)
        return node

    def _parent(self, path: str) -> tuple[DirNode, str]:
        above, name = posixpath.split(path)
        node = self._find(above)
        if not isinstance(node, DirNode):
            raise _error(errno.ENOENT, path)
        return node, name


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    assert ".." not in parts, path
    return parts


def _error(number: int, path: str) -> OSError:
    """Return the subclass of OSError that Python has for this number."""
    return OSError(number, os.strerror(number), path)
