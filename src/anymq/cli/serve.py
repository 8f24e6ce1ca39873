"""`anymq serve`: run the broker until it is told to stop."""

import argparse
import asyncio
import contextlib
import gc
import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

import anymq
from anymq.cli.errors import CommandFailed
from anymq.cli.settings import add_flags, load_settings
from anymq.config.doors import own_doors, plugin_doors
from anymq.config.load import ConfigError, open_to_others
from anymq.config.model import Settings
from anymq.observability import log as logging
from anymq.observability.log import Log
from anymq.storage.errors import StorageError

log = Log(__name__)

GARBAGE_AFTER = 20_000  # objects; Python's own 700 cost 5 % of the time of a busy broker

STDERR = 2

DESCRIPTIONS = {
    "kafka": "Kafka at {host}:{port}",
    "kafka_tls": "Kafka over TLS at {host}:{port}",
    "amqp": "AMQP at {host}:{port}",
    "amqp_tls": "AMQP over TLS at {host}:{port}",
    "mqtt": "MQTT at {host}:{port}",
    "mqtt_tls": "MQTT over TLS at {host}:{port}",
    "mqtt_websocket": "MQTT over WebSocket at ws://{host}:{port}/mqtt",
    "mqtt_websocket_tls": "MQTT over WebSocket and TLS at wss://{host}:{port}/mqtt",
    "stomp": "STOMP at {host}:{port}",
    "stomp_tls": "STOMP over TLS at {host}:{port}",
    "stomp_activemq": "STOMP for clients of ActiveMQ at {host}:{port}",
    "stomp_activemq_tls": "STOMP for clients of ActiveMQ over TLS at {host}:{port}",
    "stomp_websocket": "STOMP over WebSocket at ws://{host}:{port}/stomp",
    "stomp_websocket_tls": "STOMP over WebSocket and TLS at wss://{host}:{port}/stomp",
    "rocketmq": "RocketMQ at {host}:{port}",
    "rocketmq_tls": "RocketMQ over TLS at {host}:{port}",
    "rocketmq_nameserver": "RocketMQ's name server at {host}:{port}",
    "rocketmq_nameserver_tls": "RocketMQ's name server over TLS at {host}:{port}",
    "rocketmq_grpc": "RocketMQ (gRPC) at {host}:{port}",
    "rocketmq_grpc_tls": "RocketMQ (gRPC) over TLS at {host}:{port}",
    "management": "page, API and metrics at http://{host}:{port}",
    "management_tls": "page, API and metrics over TLS at https://{host}:{port}",
}


class Serving(Protocol):
    """What `anymq.server.Server` is to this command."""

    @property
    def ports(self) -> dict[str, int]:
        """Which port speaks what, once started: {"kafka": 9092, "management": 15672}."""

    async def run(self, started: asyncio.Event | None = None) -> None:
        """Serve until stopped; return once everything acknowledged is on the disk."""

    def stop(self) -> None:
        """Take nothing new, finish what was begun. Returns at once; `run` returns when done."""

    def reload(self, settings: Settings) -> None:
        """Use these settings as far as that is possible now, and the certificates' files anew."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = load_settings(arguments)
    logging.configure(settings.log.level, settings.log.format)
    for door in open_to_others(settings):
        log.warning("open to everybody who can reach this machine", setting=door)
    _allow_files()
    gc.disable()  # nothing that starting makes is garbage: 10,000 topics load twice as fast
    make_server = importlib.import_module("anymq.server").Server
    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            again = partial(load_settings, arguments)
            return runner.run(serve(make_server(settings), settings, again))
    except ConfigError as error:
        raise CommandFailed(str(error)) from error
    except (StorageError, OSError) as error:
        raise CommandFailed(f"{_in_words(error)}. `anymq doctor` may know more") from error


async def serve(
    server: Serving, settings: Settings, read_settings: Callable[[], Settings] = Settings
) -> int:
    """Run the server; say when it is ready; stop it in time, or reload, when a signal asks."""
    begun = time.perf_counter()
    started, stopping = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(server.run(started))
    stop, reload = partial(_ask_to_stop, server, stopping), partial(_reload, server, read_settings)
    on_hangup = partial(_on_hangup, stop, reload, on_terminal=os.isatty(STDERR))
    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: on_hangup}
    with _signals(handlers):
        await _until(started, running)
        if started.is_set():
            _calm_garbage_collection()
            print(ready_line(server.ports, settings, time.perf_counter() - begun), flush=True)
        await _until(stopping, running)
        return await _finish(running, settings.server.stop_timeout_ms / 1000)


def ready_line(ports: dict[str, int], settings: Settings, took_s: float) -> str:
    """Say which port speaks what."""
    hosts = {door.name: door.host for door in own_doors(settings)}
    hosts |= {door.name: door.host for door in plugin_doors(settings)}
    doors = [
        DESCRIPTIONS.get(name, name + " at {host}:{port}").format(
            host=_in_url(hosts.get(name, settings.kafka.host)), port=port
        )
        for name, port in ports.items()
    ]
    return f"anymq {anymq.__version__} is ready after {took_s:.2f} s: {', '.join(doors)}"


def _in_words(error: Exception) -> str:
    """Say what is wrong, and where, without the number that Python puts before it."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _allow_files() -> None:
    """Open as many files as the system lets us; systems say fewer for the sake of `select`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS: more than the kernel has
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _calm_garbage_collection() -> None:
    """Let it look only at what is made from now on, and less often: cycles are rare here."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, 20, 50)
    gc.enable()


def _ask_to_stop(server: Serving, stopping: asyncio.Event) -> None:
    if stopping.is_set():
        sys.exit("anymq serve: stopped at once")  # a second Ctrl-C: somebody is in a hurry
    log.info("stopping")
    stopping.set()
    server.stop()


def _on_hangup(stop: Callable[[], None], reload: Callable[[], None], *, on_terminal: bool) -> None:
    """Reload, as service managers mean it; or stop, if it is the terminal that was closed."""
    if on_terminal and not os.isatty(STDERR):
        stop()
    else:
        reload()


def _reload(server: Serving, read_settings: Callable[[], Settings]) -> None:
    try:
        settings = read_settings()
    except CommandFailed as error:
        log.error("the settings were not reloaded", reason=error)
        return
    logging.configure(settings.log.level, settings.log.format)
    server.reload(settings)


async def _finish(running: "asyncio.Task[None]", timeout_s: float) -> int:
    """Give it some time to stop; then cut it off: what is acknowledged is on the disk anyway."""
    await asyncio.wait([running], timeout=timeout_s)
    if not running.done():
        log.error("did not stop in time", seconds=timeout_s)
        running.cancel()
        await asyncio.wait([running], timeout=1)
        return 1
    await running
    log.info("stopped")
    return 0


async def _until(event: asyncio.Event, running: "asyncio.Task[None]") -> None:
    """Wait for the event, or for the server to end without it."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait([waiting, running], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


@contextlib.contextmanager
def _signals(handlers: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Have these signals call these handlers."""
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    yield
    for number in handlers:
        loop.remove_signal_handler(number)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's event loop where there is one; asyncio's own does everything too."""
    try:
        import uvloop  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop  # type: ignore[no-any-return,unused-ignore]
