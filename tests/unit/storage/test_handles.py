"""Open files are few, however many logs there are; readers keep what they have."""

import errno

import pytest

from anymq.storage.errors import TooManyFiles
from anymq.storage.handles import Handles
from anymq.testing.simfs import SimFiles


@pytest.fixture
def files() -> SimFiles:
    files = SimFiles()
    for name in "abcde":
        files.put(name, name.encode())
    return files


def test_the_least_recently_used_goes_first(files: SimFiles) -> None:
    handles = Handles(files, limit=2)
    a, b = handles.get("a"), handles.get("b")
    assert handles.get("a") is a
    handles.get("c")
    assert handles.find("a") is a
    assert handles.find("b") is None
    assert b.pread(1, 0) == b"b", "whoever has it reads on"


def test_a_dropped_file_is_closed_when_nobody_has_it(files: SimFiles) -> None:
    handles = Handles(files, limit=2)
    for name in "abcde":
        handles.get(name)
    assert files.open_handles() == 2
    handles.drop("e")
    handles.drop("e")
    assert len(handles) == 1
    handles.clear()
    assert files.open_handles() == 0


def test_no_descriptor_makes_it_give_some_back(files: SimFiles) -> None:
    handles = Handles(files, limit=100)
    for name in "abcd":
        handles.get(name)
    files.handles_max = 4
    assert handles.get("e").pread(1, 0) == b"e"
    assert len(handles) == 3


def test_others_may_have_them(files: SimFiles) -> None:
    handles = Handles(files, limit=100)
    for name in "abcde":
        handles.get(name)
    left = []
    while handles.shrink():
        left.append(files.open_handles())
    assert left == [2, 1, 0]


def test_no_descriptor_at_all(files: SimFiles) -> None:
    handles = Handles(files)
    files.handles_max = 0
    with pytest.raises(TooManyFiles):
        handles.get("a")


def test_other_errors_are_not_about_descriptors(files: SimFiles) -> None:
    handles = Handles(files)
    files.fault("open", errno.EIO)
    with pytest.raises(OSError, match="a"):
        handles.get("a")
    files.fault("open", errno.EMFILE)
    files.fault("open", errno.EIO)
    with pytest.raises(OSError, match="a"):
        handles.get("a")
