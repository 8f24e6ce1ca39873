"""What the doctor sees."""

import fcntl
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymq.cli import doctor
from anymq.cli.doctor import Check, Finding, Verdict
from anymq.cli.main import main
from anymq.config.load import from_tables
from anymq.config.model import Settings


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def look(check: Check, **tables: object) -> list[Finding]:
    return list(check(from_tables(tables)))


def with_data_in(path: Path) -> dict[str, object]:
    return {"server": {"data_dir": str(path)}}


def test_nothing_stands_in_the_way_of_an_empty_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(tmp_path / "new"), "--kafka-port", "0", "--management-port", "0"]

    status = main(["doctor", *flags, "--storage-disk-free-bytes-min", "0"])

    assert status == 0
    assert "nothing stands in the way" in capsys.readouterr().out


def test_a_taken_port_is_a_problem_with_a_way_out(
    tmp_path: Path, taken_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--data", str(tmp_path), "--kafka-port", str(taken_port)]) == 1

    shown = capsys.readouterr().out
    assert f"problem  port {taken_port} is taken" in shown
    assert "choose another: --kafka-port" in shown


def test_a_directory_that_cannot_be_made_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)

    (finding,) = look(doctor.check_data_dir, **with_data_in(Path("/")))

    assert finding.verdict is Verdict.BROKEN
    assert "--data" in finding.advice


def test_a_running_broker_is_seen_by_its_lock(tmp_path: Path) -> None:
    (finding,) = look(doctor.check_lock, **with_data_in(tmp_path))
    assert finding.seen == "no broker has used this directory yet"

    with (tmp_path / "LOCK").open("w") as lock:
        (finding,) = look(doctor.check_lock, **with_data_in(tmp_path))
        assert finding.seen == "no broker is running on this data"

        fcntl.flock(lock, fcntl.LOCK_EX)
        (finding,) = look(doctor.check_lock, **with_data_in(tmp_path))
        assert finding.verdict is Verdict.DOUBTFUL


def test_a_disk_with_less_than_the_reserve_is_a_problem(tmp_path: Path) -> None:
    tables = {**with_data_in(tmp_path), "storage": {"disk_free_bytes_min": "1000TiB"}}

    (finding,) = look(doctor.check_disk_space, **tables)

    assert finding.verdict is Verdict.BROKEN
    assert "storage.disk_free_bytes_min" in finding.advice


def test_a_module_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NATIVE_MODULES", ("no_such_module",))

    (finding,) = doctor.check_modules(Settings())

    assert finding.verdict is Verdict.BROKEN
    assert "pip install" in finding.advice


def test_open_doors_and_unreadable_certificates_are_named() -> None:
    tables = {
        "server": {"allow_open": True},
        "kafka": {"host": "0.0.0.0"},
        "tls": {"certificate": "/no/such/file.pem"},
    }

    seen = [finding.seen for finding in look(doctor.check_openness, **tables)]

    assert seen == ["open to everybody: kafka.host", "/no/such/file.pem cannot be read"]
