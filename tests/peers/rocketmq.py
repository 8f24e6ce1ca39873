"""Apache RocketMQ, a name server and one broker on loopback: for conformance and for measure."""

import json
import signal
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from tests.peers import maven
from tests.peers.process import Controlled, ServerProcess, Usage, free_ports
from tests.peers.wire import receive_exactly

VERSION = "5.5.0"
ARTIFACTS = tuple(
    f"org.apache.rocketmq:rocketmq-{name}:{VERSION}"
    for name in ("namesrv", "broker", "proxy", "tools")
)
START_SECONDS = 300.0  # on a machine that is busy with much else
CLUSTER = "DefaultCluster"
BROKER_NAME = "peer"
# As the project's own start scripts set them, without the log of the collector and its sizes of a
# large machine. It touches its whole heap at the start, as they do, so `heap` is what it holds.
SERVER_FLAGS = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:G1ReservePercent=25",
    "-XX:InitiatingHeapOccupancyPercent=30",
    "-XX:SoftRefLRUPolicyMSPerMB=0",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+AlwaysPreTouch",
    "-XX:-UseLargePages",
    "-Djava.awt.headless=true",
)
NAME_SERVER_FLAGS = ("-server", "-XX:+UseSerialGC", "-Xms64m", "-Xmx64m")
# What it can do and does not until it is told to.
EVERYTHING = {
    "enablePropertyFilter": "true",
    "recallMessageEnable": "true",
    "traceTopicEnable": "true",
}
ROUTE = 105
TEMPLATE_TOPIC = "TBW102"  # its route is there when the broker has told the name server of itself


@dataclass(slots=True)
class RocketmqServer(Controlled):
    """Start, know, stop one Apache RocketMQ. Data goes to `folder`, which the caller removes.

    `settings` are keys of broker.conf. With `proxy`, the broker's process speaks gRPC as well. What
    is measured and killed is the broker; the name server is a process of its own. RocketMQ's ports
    for replicas and for gRPC listen everywhere: it has no setting for that.
    """

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    cpus: Iterable[int] | None = None
    heap: str = "1g"
    proxy: bool = False
    name: str = "Apache RocketMQ"
    version: str = VERSION
    port: int = 0
    name_server_port: int = 0
    grpc_port: int = 0
    remoting_proxy_port: int = 0
    replica_port: int = 0
    _process: ServerProcess | None = None
    _name_server: ServerProcess | None = None

    @property
    def bootstrap(self) -> str:
        """The name server's address, which is all that clients are told."""
        return f"127.0.0.1:{self.name_server_port}"

    def start(self) -> "RocketmqServer":
        """Start both, and wait until a client is told where the broker is.

        After a stop or a kill it starts again on the same data and ports.
        """
        self.launch()
        self._running().wait_until(self._is_ready, START_SECONDS)
        return self

    def launch(self) -> None:
        """Start it, and do not wait."""
        if not self.port:
            self._choose_ports()
        self._write_configuration()
        if self._name_server is None or self._name_server.returncode is not None:
            self._name_server = self._spawn(
                "namesrv.NamesrvStartup",
                ["-c", str(self.folder / "namesrv.conf")],
                NAME_SERVER_FLAGS,
                "name-server.log",
            )
        main, arguments = self._broker_command()
        heap = (f"-Xms{self.heap}", f"-Xmx{self.heap}")
        self._process = self._spawn(main, arguments, (*heap, *SERVER_FLAGS), "server.log")

    @override
    def stop(self) -> None:
        """A clean end of both."""
        Controlled.stop(self)
        if self._name_server is not None:
            self._name_server.stop()

    @override
    def pause(self) -> None:
        """Both: an idle broker of this kind keeps a processor busy."""
        Controlled.pause(self)
        if self._name_server is not None:
            self._name_server.signal(signal.SIGSTOP)

    @override
    def resume(self) -> None:
        """Both."""
        if self._name_server is not None:
            self._name_server.signal(signal.SIGCONT)
        Controlled.resume(self)

    def name_server_usage(self) -> Usage:
        """What the other process has taken so far."""
        assert self._name_server is not None
        return self._name_server.usage()

    def _choose_ports(self) -> None:
        """The broker opens a second port, two below its own."""
        while True:
            self.port, self.name_server_port, *others = free_ports(5)
            self.grpc_port, self.remoting_proxy_port, self.replica_port = others
            if self.port - 2 not in (self.name_server_port, *others) and is_free(self.port - 2):
                return

    def _write_configuration(self) -> None:
        write_properties(self.folder / "broker.conf", self._broker_properties())
        listen = {"bindAddress": "127.0.0.1", "listenPort": str(self.name_server_port)}
        keys = {"kvConfigPath": str(self.folder / "kvConfig.json")}
        write_properties(self.folder / "namesrv.conf", {**listen, **keys})
        (self.folder / "proxy.json").write_text(json.dumps(self._proxy_settings()))

    def _broker_properties(self) -> Mapping[str, str]:
        store = self.folder / "store"
        return {
            "brokerClusterName": CLUSTER,
            "brokerName": BROKER_NAME,
            "brokerId": "0",
            "brokerIP1": "127.0.0.1",
            "brokerIP2": "127.0.0.1",
            "bindAddress": "127.0.0.1",
            "listenPort": str(self.port),
            "haListenPort": str(self.replica_port),
            "namesrvAddr": self.bootstrap,
            "storePathRootDir": str(store),
            "storePathCommitLog": str(store / "commitlog"),
            **self.settings,
        }

    def _proxy_settings(self) -> Mapping[str, object]:
        return {
            "rocketMQClusterName": CLUSTER,
            "localServeAddr": "127.0.0.1",
            "grpcServerPort": self.grpc_port,
            "remotingListenPort": self.remoting_proxy_port,
        }

    def _broker_command(self) -> tuple[str, list[str]]:
        broker = str(self.folder / "broker.conf")
        if not self.proxy:
            return "broker.BrokerStartup", ["-c", broker]
        proxy = ["-pm", "local", "-pc", str(self.folder / "proxy.json")]
        return "proxy.ProxyStartup", ["-bc", broker, "-n", self.bootstrap, *proxy]

    def _spawn(
        self, main: str, arguments: Iterable[str], flags: Iterable[str], log: str
    ) -> ServerProcess:
        # Its logs go below the home of the user, whoever that is.
        home = (f"-Duser.home={self.folder}", f"-Drocketmq.home.dir={self.folder}")
        command = java_command(main, *arguments, flags=(*home, *flags))
        return ServerProcess(command, self.folder / log, cpus=self.cpus)

    def _is_ready(self) -> bool | None:
        try:
            code, _ = ask(self.name_server_port, ROUTE, {"topic": TEMPLATE_TOPIC})
        except OSError:
            return None
        if code or (self.proxy and is_free(self.grpc_port)):
            return None
        return True


def java_command(main: str, *argv: str, flags: Iterable[str] = ()) -> list[str]:
    """The command line of any program in RocketMQ's jars: a server or one of its tools."""
    jars = maven.jars("rocketmq", ARTIFACTS)
    return [maven.java(), *flags, "-cp", f"{jars}/*", f"org.apache.rocketmq.{main}", *argv]


def ask(port: int, code: int, fields: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
    """Ask a server of RocketMQ's remoting protocol one thing: its answer's code and body."""
    words = {"code": code, "language": "JAVA", "version": 0, "opaque": 1, "flag": 0}
    header = json.dumps({**words, "extFields": dict(fields)}).encode()
    frame = struct.pack(">ii", 4 + len(header) + len(body), len(header)) + header + body
    with socket.create_connection(("127.0.0.1", port), 10.0) as connection:
        connection.sendall(frame)
        length, header_length = struct.unpack(">ii", receive_exactly(connection, 8))
        answer = receive_exactly(connection, length - 4)
    return json.loads(answer[: header_length & 0xFFFFFF])["code"], answer[header_length:]


def write_properties(file: Path, values: Mapping[str, str]) -> None:
    """A file of Java's properties."""
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
