"""`anymq doctor`: look at everything that has to be right here, and say what to do where it is not.

A check is a function from the settings to findings. To add one, write it and add it to CHECKS.
"""

import argparse
import contextlib
import errno
import fcntl
import importlib
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import anymq
from anymq.cli.doctoring import broker, machine
from anymq.cli.doctoring.finding import Finding, Findings, Verdict
from anymq.cli.doctoring.python import check_python
from anymq.cli.examine import examine
from anymq.cli.settings import add_flags, load_settings
from anymq.config.doors import own_doors, plugin_doors
from anymq.config.load import ConfigError, data_dir_of, open_to_others
from anymq.config.model import Settings
from anymq.config.place import OFF
from anymq.config.units import format_bytes
from anymq.storage import directory
from anymq.storage.os_files import OsFiles
from anymq.storage.small_files import Damaged, read_whole

NATIVE_MODULES = ("msgspec", "cramjam", "crc32c", "h11", "uvloop")
FILES_WANTED = 10_000  # a connection is one, a log that is in use two or three
SYNCS = 20
SYNC_SLOW_S = 0.020


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: those of serve, so that it looks where serve would."""
    parser.add_argument("--logs", action="store_true", help="read all data, compare checksums")
    parser.add_argument("--ask", action="store_true", help="ask the broker that runs, too")
    add_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; 1 where the broker could not run."""
    settings = load_settings(arguments)  # a wrong setting ends here, with its own message
    print(f"anymq {anymq.__version__}, data in {data_dir_of(settings)}")
    checks = [*CHECKS, *[check_logs][: arguments.logs], *[broker.check][: arguments.ask]]
    findings = [finding for check in checks for finding in check(settings)]
    for finding in findings:
        print(show(finding))
    broken = sum(finding.verdict is Verdict.BROKEN for finding in findings)
    problems = "1 problem" if broken == 1 else f"{broken} problems"
    print(problems if broken else "nothing stands in the way")
    return 1 if broken else 0


def show(finding: Finding) -> str:
    """Write a finding for a person."""
    advice = f"\n{'':9}-> {finding.advice}" if finding.advice else ""
    return f"{finding.verdict.value:8} {finding.seen}{advice}"


def check_modules(settings: Settings) -> Findings:
    """Is everything there that we import, for this very machine?"""
    for name in NATIVE_MODULES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            needed = Verdict.DOUBTFUL if name == "uvloop" else Verdict.BROKEN
            advice = f"pip install --force-reinstall {name}"
            yield Finding(needed, f"{name} cannot be imported: {error}", advice)
        else:
            yield Finding(Verdict.FINE, f"{name} is there")


def check_data_dir(settings: Settings) -> Findings:
    """Can we write where the data is?"""
    path = _existing(data_dir_of(settings))
    if not os.access(path, os.W_OK | os.X_OK):
        advice = (
            f"chown or chmod it, or choose another with --data; this runs as user {os.getuid()}"
        )
        yield Finding(Verdict.BROKEN, f"{path} cannot be written", advice)
        return
    yield Finding(Verdict.FINE, f"{path} can be written")
    yield from _check_sync_speed(path)


def check_lock(settings: Settings) -> Findings:
    """Does a broker run on this data already?"""
    if _is_running(settings):
        yield Finding(Verdict.FINE, "a broker is running on this data: a second one could not")
    else:
        yield Finding(Verdict.FINE, "no broker is running on this data")


def check_version(settings: Settings) -> Findings:
    """Can this version read the data?"""
    path = data_dir_of(settings)
    if not (path / "VERSION").exists():
        yield Finding(Verdict.FINE, "there is no data yet")
        return
    try:
        found = (read_whole(OsFiles(path), "VERSION", "version") or b"").decode().strip()
    except (Damaged, OSError) as error:
        yield Finding(
            Verdict.BROKEN, f"VERSION cannot be read: {error}", "restore it from a backup"
        )
        return
    if found == directory.VERSION:
        yield Finding(Verdict.FINE, f"the data is of version {found}")
    else:
        seen = f"the data is of version {found}, this program knows {directory.VERSION}"
        yield Finding(
            Verdict.BROKEN, seen, "run the version of anymq that wrote it, or a newer one"
        )


def check_logs(settings: Settings) -> Findings:
    """Is every byte what it was when it was written? Only with --logs: it reads everything."""
    path = data_dir_of(settings)
    if not path.is_dir():
        return
    health = examine(OsFiles(path), on_progress=_progress)
    size = f"{health.size / 2**20:.0f} MiB in {health.logs} logs"
    if not health.damaged:
        yield Finding(Verdict.FINE, f"{size} are as they were written")
    for place in health.damaged:
        advice = "serve sets it aside at the next start and goes on; a backup may have it whole"
        yield Finding(Verdict.BROKEN, f"damaged: {place}", advice)
    for place in health.torn:
        yield Finding(Verdict.FINE, f"unfinished at its end, to be cut at the next start: {place}")
    for place in health.set_aside:
        advice = "look whether you miss something; nobody but you deletes it"
        yield Finding(Verdict.DOUBTFUL, f"set aside for damage: {place}", advice)


def check_disk_space(settings: Settings) -> Findings:
    """Is there room for messages?"""
    free = shutil.disk_usage(_existing(data_dir_of(settings))).free
    reserve = settings.storage.disk_free_bytes_min
    seen = f"{free / 2**30:.1f} GiB of disk are free"
    if free < reserve:
        advice = f"messages are refused below {format_bytes(reserve)}: storage.disk_free_bytes_min"
        yield Finding(Verdict.BROKEN, seen, advice)
    elif free < 4 * reserve:
        yield Finding(Verdict.DOUBTFUL, seen, "soon messages will be refused")
    else:
        yield Finding(Verdict.FINE, seen)


def check_file_limit(settings: Settings) -> Findings:
    """May we open enough files and sockets?"""
    import resource  # not on every platform

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # `anymq serve` takes all
    seen = f"{limit} files and sockets may be open"
    if limit == resource.RLIM_INFINITY or limit >= FILES_WANTED:
        yield Finding(Verdict.FINE, seen)
    else:
        advice = f"ulimit -Hn {FILES_WANTED}, or LimitNOFILE={FILES_WANTED} in the systemd unit"
        yield Finding(Verdict.DOUBTFUL, seen, advice)


def check_ports(settings: Settings) -> Findings:
    """Are the ports free?"""
    for _, key, host, port in own_doors(settings):
        if port not in (OFF, 0):
            finding = _check_port(key, host, port)
            ours = finding.verdict is Verdict.BROKEN and _is_running(settings)
            yield Finding(Verdict.FINE, f"{finding.seen}: a broker is running") if ours else finding


def check_plugins(settings: Settings) -> Findings:
    """Is the code of others there that the settings name?"""
    from anymq import plugins  # the whole broker: only where somebody wants it

    for group, names in (
        (plugins.INTERCEPTORS, settings.plugins.interceptors),
        (plugins.AUTHENTICATORS, settings.plugins.authenticators),
        (plugins.PROTOCOLS, [door.name for door in plugin_doors(settings)]),
    ):
        for name in names:
            try:
                plugins.load(group, name)
            except ConfigError as error:
                advice = "install its package where anymq is, or take it out of the settings"
                yield Finding(Verdict.BROKEN, str(error), advice)
            else:
                yield Finding(Verdict.FINE, f"plugin {name} can be loaded")


def check_openness(settings: Settings) -> Findings:
    """Who can connect?"""
    doors = open_to_others(settings)
    if doors:
        advice = "fine only where the network is yours alone; see docs/how-to/secure.md"
        yield Finding(Verdict.DOUBTFUL, f"open to everybody: {', '.join(doors)}", advice)
    yield from machine.check_certificates(settings)


Check = Callable[[Settings], Findings]
CHECKS: tuple[Check, ...] = (
    check_python,
    check_modules,
    check_data_dir,
    check_lock,
    check_version,
    check_disk_space,
    check_file_limit,
    machine.check_memory,
    machine.check_backlog,
    check_ports,
    check_plugins,
    check_openness,
)


def _check_sync_speed(path: Path) -> Findings:
    """Time what every acknowledgement waits for."""
    with tempfile.TemporaryFile(dir=path) as file:
        begun = time.perf_counter()
        for _ in range(SYNCS):
            os.pwrite(file.fileno(), bytes(4096), 0)
            os.fsync(file.fileno())
        took = (time.perf_counter() - begun) / SYNCS
    seen = f"a sync takes {took * 1000:.2f} ms"
    if took < SYNC_SLOW_S:
        yield Finding(Verdict.FINE, seen)
    else:
        advice = (
            "every acknowledgement waits for one: a local SSD, or storage.durability = interval"
        )
        yield Finding(Verdict.DOUBTFUL, seen, advice)


def _check_port(key: str, host: str, port: int) -> Finding:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = f"stop what listens there, or choose another: --{key.replace('.', '-')}"
            return Finding(Verdict.BROKEN, f"port {port} is taken", advice.replace("_", "-"))
        return Finding(Verdict.BROKEN, f"{host}:{port}: {error.strerror}", f"see {key}")
    return Finding(Verdict.FINE, f"port {port} is free")


def _is_running(settings: Settings) -> bool:
    try:
        descriptor = os.open(data_dir_of(settings) / "LOCK", os.O_RDWR)
    except OSError:
        return False  # no broker has been here yet
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _progress(number: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if number == total else ""
        print(f"\rreading log {number} of {total}", end=end, file=sys.stderr, flush=True)


def _existing(path: Path) -> Path:
    """Return the path, or the nearest directory above it that is there."""
    return next(each for each in (path, *path.absolute().parents) if each.is_dir())
