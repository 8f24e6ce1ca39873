"""The audit log on disk: whoever looks into what happened relies on it."""

import json
from pathlib import Path

import pytest

from anymq.observability.audit import Actor, Audit, AuditLimits

ADA = Actor("ada", "192.0.2.7", "http")


def audit(folder: Path, **limits: int) -> Audit:
    return Audit(lambda: 1_000, folder, lambda: AuditLimits(**limits))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_who_did_what_from_where(tmp_path: Path) -> None:
    log = audit(tmp_path)
    log.note(ADA, "deleted", "queues", "//orders")
    log.close()

    [line] = (tmp_path / "audit.log").read_text().splitlines()
    assert json.loads(line) == {
        "timestamp": 1_000,
        "user": "ada",
        "address": "192.0.2.7",
        "protocol": "http",
        "action": "deleted",
        "kind": "queues",
        "name": "//orders",
    }
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    log = audit(tmp_path)
    log.note(ADA, "created", "users", "bob")
    log.close()
    with (tmp_path / "audit.log").open("a") as file:
        file.write('{"timestamp": 1, "us')  # a crash

    again = audit(tmp_path)

    assert [entry.name for entry in again.entries] == ["bob"]
    again.note(ADA, "deleted", "users", "bob")  # in a line of its own, behind the one cut off
    again.close()
    assert [entry.action for entry in audit(tmp_path).entries] == ["created", "deleted"]


def test_files_are_turned_over_and_the_oldest_goes(tmp_path: Path) -> None:
    for n in range(10):
        log = audit(tmp_path, file_bytes=1, files=3)
        log.note(ADA, "created", "users", f"user{n}")
        log.close()

    assert names(tmp_path) == ["audit.log", "audit.log.1", "audit.log.2"]
    found = [json.loads((tmp_path / name).read_text())["name"] for name in names(tmp_path)]
    assert found == ["user9", "user8", "user7"]


@pytest.mark.parametrize(("files", "left"), [(0, []), (1, ["audit.log"])])
def test_few_files(tmp_path: Path, files: int, left: list[str]) -> None:
    for _ in range(3):
        log = audit(tmp_path, file_bytes=1, files=files)
        log.note(ADA, "created", "users", "bob")
        log.close()
        assert log.entries

    assert names(tmp_path) == left


def test_what_could_not_be_written_is_not_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    log = audit(folder)
    log.note(ADA, "created", "users", "bob")
    log.close()
    assert log.lost == 1

    folder.mkdir()
    log._write()

    assert json.loads((folder / "audit.log").read_text())["name"] == "1 entries"
