"""What the doctor sees."""

import fcntl
import socket
import sys
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from tests.unit.storage.batches import make_batch, with_header

from anymq.cli import doctor
from anymq.cli.doctor import Check
from anymq.cli.doctoring import machine
from anymq.cli.doctoring.finding import Finding, Verdict
from anymq.cli.doctoring.python import check_python
from anymq.cli.main import main
from anymq.config.load import from_tables
from anymq.config.model import Settings
from anymq.security.certificate_dates import end_of
from anymq.storage.log import LogConfig
from anymq.storage.os_files import OsFiles
from anymq.storage.small_files import replace_whole
from anymq.storage.store import LogStore


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
    flags = ["--data", str(tmp_path / "new"), *(f"--{name}-port=0" for name in NO_DOORS)]

    status = main(["doctor", *flags, "--storage-disk-free-bytes-min", "0"])

    assert status == 0
    assert "nothing stands in the way" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("prefix", "options", "verdict"),
    [
        ("/usr", "--prefix=/usr", Verdict.FINE),
        ("/opt/python", "'--enable-optimizations' '--with-lto'", Verdict.FINE),
        ("/opt/python", None, Verdict.FINE),  # nobody says
        ("/root/.pyenv/versions/3.13.0", "'--enable-shared'", Verdict.DOUBTFUL),
    ],
)
def test_a_slow_python(
    monkeypatch: pytest.MonkeyPatch, prefix: str, options: str | None, verdict: Verdict
) -> None:
    monkeypatch.setattr(sys, "base_prefix", prefix)
    monkeypatch.setattr(sysconfig, "get_config_var", {"CONFIG_ARGS": options}.get)
    [found] = look(check_python)
    assert found.verdict is verdict
    assert ("without optimisations" in found.seen) == (verdict is Verdict.DOUBTFUL)


def test_a_taken_port_is_a_problem_with_a_way_out(
    tmp_path: Path, taken_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--data", str(tmp_path), "--kafka-port", str(taken_port)]) == 1

    shown = capsys.readouterr().out
    assert f"problem  port {taken_port} is taken" in shown
    assert "choose another: --kafka-port" in shown


PORTS = ("kafka", "amqp", "mqtt", "stomp", "management")
NO_DOORS = {name: {"port": -1} for name in PORTS} | {
    "rocketmq": {"port": -1, "nameserver_port": -1, "grpc_port": -1}
}


def test_a_port_that_our_own_broker_has_is_none(tmp_path: Path, taken_port: int) -> None:
    """Who runs the doctor beside a broker wants to know what is wrong, not that it runs."""
    with (tmp_path / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tables = {**NO_DOORS, "kafka": {"port": taken_port}}
        (finding,) = look(doctor.check_ports, **with_data_in(tmp_path), **tables)

    assert finding.verdict is Verdict.FINE


def test_every_door_is_tried(tmp_path: Path, taken_port: int) -> None:
    tables = {**NO_DOORS, "amqp": {"tls_port": taken_port}}
    certificate = {"tls": {"certificate": "broker.pem"}}
    clear, tls = look(doctor.check_ports, **with_data_in(tmp_path), **tables, **certificate)

    assert "5672" in clear.seen
    assert "--amqp-tls-port" in tls.advice


def test_data_of_another_version_is_a_problem(tmp_path: Path) -> None:
    (finding,) = look(doctor.check_version, **with_data_in(tmp_path))
    assert finding.seen == "there is no data yet"

    replace_whole(OsFiles(tmp_path), "VERSION", "version", b"999\n")
    (finding,) = look(doctor.check_version, **with_data_in(tmp_path))
    assert finding.verdict is Verdict.BROKEN

    (tmp_path / "VERSION").write_text("nonsense")
    (finding,) = look(doctor.check_version, **with_data_in(tmp_path))
    assert finding.verdict is Verdict.BROKEN


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Data that a broker wrote: one log of three segments."""
    store = LogStore.open(OsFiles(tmp_path))
    log = store.create(17, LogConfig(segment_bytes=200))
    for _ in range(6):
        log.append(*with_header(make_batch(b"x" * 50)), 0)
    store.close()
    return tmp_path


def test_whole_logs_are_told_to_be_so(written: Path) -> None:
    (finding,) = look(doctor.check_logs, **with_data_in(written))

    assert finding.verdict is Verdict.FINE
    assert "in 1 logs are as they were written" in finding.seen


def test_damage_is_named_and_an_unfinished_end_is_none(written: Path) -> None:
    first, *_, last = sorted((written / "logs/17").glob("*.log"))
    first.write_bytes(first.read_bytes().replace(b"xxxx", b"xxyx", 1))
    last.write_bytes(last.read_bytes()[:-1])

    damaged, torn = look(doctor.check_logs, **with_data_in(written))

    assert damaged.verdict is Verdict.BROKEN
    assert first.name in damaged.seen
    assert torn.verdict is Verdict.FINE
    assert last.name in torn.seen


def test_a_directory_that_cannot_be_made_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)

    (finding,) = look(doctor.check_data_dir, **with_data_in(Path("/")))

    assert finding.verdict is Verdict.BROKEN
    assert "--data" in finding.advice


def test_a_running_broker_is_seen_by_its_lock(tmp_path: Path) -> None:
    (finding,) = look(doctor.check_lock, **with_data_in(tmp_path))
    assert finding.seen == "no broker is running on this data"

    with (tmp_path / "LOCK").open("w") as lock:
        (finding,) = look(doctor.check_lock, **with_data_in(tmp_path))
        assert finding.seen == "no broker is running on this data"

        fcntl.flock(lock, fcntl.LOCK_EX)
        (finding,) = look(doctor.check_lock, **with_data_in(tmp_path))
        assert finding.seen.startswith("a broker is running")


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


def test_a_plugin_that_is_not_installed_is_a_problem() -> None:
    """serve would refuse to start."""
    tables = {"interceptors": ["stampp"], "protocols": ["lines=127.0.0.1:7007"]}

    first, second = look(doctor.check_plugins, plugins=tables)

    assert {first.verdict, second.verdict} == {Verdict.BROKEN}
    assert first.seen == "plugin stampp: no installed package has it in anymq.interceptors"
    assert "plugin lines" in second.seen
    assert list(doctor.check_plugins(Settings())) == []


def test_open_doors_and_unreadable_certificates_are_named() -> None:
    tables = {
        "server": {"allow_open": True},
        "kafka": {"host": "0.0.0.0"},
        "tls": {"certificate": "/no/such/file.pem"},
    }

    seen = [finding.seen for finding in look(doctor.check_openness, **tables)]

    assert seen == ["open to everybody: kafka.host", "/no/such/file.pem cannot be read"]


@pytest.mark.parametrize(
    ("days", "verdict", "seen"),
    [
        (400, Verdict.FINE, "holds for 399 days"),
        (10, Verdict.DOUBTFUL, "ends in 9 days"),
        (-2, Verdict.BROKEN, "ended 3 days ago"),
        (40_000, Verdict.FINE, "holds for 39999 days"),
    ],
)
def test_a_certificate_is_told_to_end(
    days: int, verdict: Verdict, seen: str, tmp_path: Path
) -> None:
    """A broker whose certificate has ended runs, and no client comes in."""
    until = datetime.now(UTC) + timedelta(days=days)
    issued = trustme.CA().issue_cert("localhost", not_after=until, not_before=until - timedelta(1))
    file = tmp_path / "server.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(file)
    (finding,) = [
        each
        for each in look(machine.check_certificates, tls={"certificate": str(file)})
        if "days" in each.seen
    ]
    assert finding.verdict is verdict
    assert finding.seen == f"{file} {seen}"
    assert abs(end_of(file.read_text()) - until) < timedelta(seconds=2)


def test_a_certificate_without_its_key_is_a_problem(tmp_path: Path) -> None:
    one, other = (trustme.CA().issue_cert("localhost") for _ in range(2))
    certificate, key = tmp_path / "one.pem", tmp_path / "other.key"
    one.cert_chain_pems[0].write_to_path(certificate)
    other.private_key_pem.write_to_path(key)
    tables = {"certificate": str(certificate), "key": str(key)}
    (finding,) = look(machine.check_certificates, tls=tables)
    assert finding.verdict is Verdict.BROKEN
    assert "of no use" in finding.seen


def test_a_container_with_little_memory_is_doubtful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine may have plenty: the container's limit counts."""
    limit = tmp_path / "memory.max"
    limit.write_text("104857600\n")
    monkeypatch.setattr(machine, "GROUP_LIMITS", (str(limit),))
    (finding,) = look(machine.check_memory)
    assert (finding.verdict, finding.seen) == (Verdict.DOUBTFUL, "100 MiB of memory are for us")
    limit.write_text("max\n")
    (finding,) = look(machine.check_memory)
    assert finding.verdict is Verdict.FINE
