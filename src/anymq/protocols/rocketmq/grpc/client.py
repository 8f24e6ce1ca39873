"""GrpcClient: one client on one connection. What the broker's side knows of it, and tells it.

To handlers of remoting requests it is what a session of theirs is: who asks, and who is told.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from anymq.core.errors import Unavailable
from anymq.core.rights.access import Access
from anymq.core.taps import Origin
from anymq.core.vhosts.vhosts import DEFAULT
from anymq.protocols.rocketmq.caller import Answered
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import REFUSALS
from anymq.protocols.rocketmq.grpc.definition import ClientType, Settings
from anymq.protocols.rocketmq.grpc.handles import about, handle_of
from anymq.protocols.rocketmq.grpc.inner import Answer, InnerCall
from anymq.protocols.rocketmq.grpc.messages import TelemetryCommand
from anymq.protocols.rocketmq.grpc.orphans import recover
from anymq.protocols.rocketmq.grpc.renewals import Renewals, Renewed
from anymq.protocols.rocketmq.hosts import DOOR, packed
from anymq.protocols.session import Peer

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.call import Call
    from anymq.protocols.rocketmq.grpc.call import GrpcCall
    from anymq.protocols.rocketmq.grpc.grpc import Grpc

CALLS_MAX = 1000  # of one client, that are under way
VERSION = 479  # what handlers take it for: 5.3.3


class GrpcClient:
    """One client, as it calls itself."""

    def __init__(self, grpc: "Grpc", peer: Peer, client_id: str, language: str) -> None:
        self.grpc = grpc
        self.rocketmq = grpc.rocketmq
        self.peer = peer
        self.client_id = client_id
        self.language = language
        self.version = VERSION
        self.said_version = ""
        self.access: Access | None = None  # of the last user that it showed
        self.user = ""
        self.vhost_name = DEFAULT
        self.born_host = packed(peer.host, peer.port)
        port = grpc.rocketmq.ports.get(DOOR, peer.local_port)
        self.store_host = packed(peer.local_host, port)
        self.since_ms = grpc.rocketmq.broker.clock.wall_ms()
        self.requests = 0
        self.closed = self.gone = False
        self.settings: Settings | None = None  # what it said of itself
        self.telemetry: GrpcCall | None = None  # where it is told things
        self.calls: set[GrpcCall] = set()
        broker = grpc.rocketmq.broker
        self.renewals = Renewals(broker.clock, broker.timers, self._extend)
        self._waiting: set[Call] = set()

    @property
    def who(self) -> Origin:
        """Who this is, for whoever listens to what happens."""
        return Origin("rocketmq", self.peer.connection_name, 0, self.user)

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        said = 0 if self.settings is None else self.settings.client_type or 0
        known = {one.value: one.name for one in ClientType}
        return known.get(said, "UNKNOWN")

    # As tools show it

    @property
    def protocol(self) -> str:
        """The protocol, as lists name it."""
        return "RocketMQ gRPC"

    @property
    def keep_alive(self) -> int:
        """How many seconds it may be silent."""
        return int(self.rocketmq.settings.idle_seconds_max)

    @property
    def facts(self) -> Mapping[str, object]:
        """What else there is to say of it."""
        return {
            "client_properties": {
                "client_id": self.client_id,
                "platform": self.language,
                "version": self.said_version,
                "kind": self.kind,
            }
        }

    def hang_up(self, reason: str) -> None:
        """End what it is told, and all it waits for: it comes again, or not."""
        for call in tuple(self.calls):
            call.fail(14, reason)

    # What handlers of remoting requests want of a session

    def run(self, call: "Call") -> None:
        """Have it answered, now or later."""
        handler = self.rocketmq.handlers.get(call.code)
        if handler is None:
            remark = f"request type {call.code} not supported"
            call.refuse(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark)
            return
        try:
            handler(call)
        except REFUSALS as error:
            if not call.answered:
                call.fail(error)
        if not call.answered and call.on_gone is not None:
            self._waiting.add(call)

    def answered(self, call: "Call", head: bytes = b"", body: bytes = b"") -> None:
        """One of them is."""
        self._waiting.discard(call)

    def forget(self, call: "Call") -> None:
        """Nobody waits for that one any more."""
        self._waiting.discard(call)

    @property
    def may_take(self) -> bool:
        """Is it given messages that it has waited for? Each stream holds back for itself."""
        return True

    def can_wait(self) -> bool:
        """May one more of its calls wait for messages?"""
        return len(self._waiting) < self.rocketmq.settings.pulls_max

    def wake(self) -> None:
        """There is room again."""

    def tell(self, code: int, ext: Mapping[str, object], body: bytes = b"") -> None:
        """Tell the client something, if it can be told so by gRPC."""
        if code != RequestCode.CHECK_TRANSACTION_STATE:
            return
        command = recover({name: str(value) for name, value in ext.items()}, body)
        if self.telemetry is None or command is None:
            raise Unavailable("the client does not listen")  # then another one is asked
        self.say(command)

    def members_changed(self, group: str) -> None:
        """Others are in its group: by gRPC nothing has to be shared anew."""

    def ask(self, code: int, ext: Mapping[str, object], then: Answered, body: bytes = b"") -> None:
        """Ask the client something: by gRPC nobody can be asked."""
        then(None)

    def say(self, command: TelemetryCommand) -> None:
        """Tell it that, if it listens."""
        if self.telemetry is not None:
            self.telemetry.say(command)

    # Messages that it has

    def _extend(self, lent: Renewed, ms: int, then: Callable[[str | None], None]) -> None:
        """Have a message out for longer."""
        if self.access is None or self.gone:
            then(None)
            return
        handle = handle_of(lent.handle)
        ext = about(handle, lent.topic, lent.group) | {"invisibleTime": ms}

        def changed(answer: Answer) -> None:
            then(None if answer.code else handle.renewed(answer))

        code = RequestCode.CHANGE_MESSAGE_INVISIBLETIME
        self.run(InnerCall(self, self.access, code, ext, b"", changed))

    # The end

    def leave(self) -> None:
        """It is gone: what it was a member of learns that."""
        if self.gone:
            return
        self.closed = self.gone = True
        self.telemetry = None
        self.renewals.close()
        for call in tuple(self.calls):
            call.on_reset()
        waiting, self._waiting = self._waiting, set()
        for one in waiting:
            if one.on_gone is not None:
                one.on_gone()
        self.rocketmq.clients.closed(self)
