"""Relay: what others append to a topic goes to those who listen at its address.

Others are who write record batches: Kafka's producers. While nobody listens their batches stay
closed. Who listens is looked up when the topology has changed, by what is at the address in the
trie: that costs the same however many subscriptions there are elsewhere.

Who listens gets a batch in the turn in which it is appended, and so in the same commit. The
producer's answer speaks of the topic only: what a full queue does not take is its own loss.

Measured by benchmarks/micro/relay.py.
"""

from collections.abc import Iterator, Mapping

from anymq.config.units import MIB
from anymq.core.errors import Refused
from anymq.core.message import Form, Message, Run
from anymq.core.portable.record_form import RECORD_FORM
from anymq.core.portable.relayed import RelayedOpener
from anymq.core.streams.reader import RATIO_MAX
from anymq.core.vhosts.addresses import TRIE
from anymq.core.vhosts.publishing import Publishing
from anymq.core.vhosts.stream import Stream
from anymq.observability.log import Log as News
from anymq.storage import records
from anymq.storage.batch import LOG_APPEND_TIME, BatchHeader
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import Buffer

news = News(__name__)


class Relay:
    """One for each topic: it hears of every batch that comes from outside."""

    __slots__ = (
        "_forms",
        "_heard",
        "_opener",
        "_publishing",
        "_stream",
        "_topology",
        "_version",
    )

    def __init__(self, stream: Stream, publishing: Publishing, forms: Mapping[int, Form]) -> None:
        self._stream = stream
        self._publishing = publishing
        self._topology = publishing.ways.topology
        self._forms = forms
        self._opener: RelayedOpener | None = None
        self._heard = False
        self._version = -1

    def appended(self, batch: Buffer, header: BatchHeader) -> None:
        """This batch is in the topic now. Hot: nearly always nobody wants to know."""
        version = self._topology.version
        if self._version != version:
            self._version = version
            self._heard = self._publishing.ways.is_heard(self._stream)
        if self._heard:
            self._hand_on(batch, header)

    def _hand_on(self, batch: Buffer, header: BatchHeader) -> None:
        messages: list[Message] = []
        for message in self._messages(batch, header):
            if messages and message.envelope is not messages[0].envelope:
                self._relay(messages)
                messages = []
            messages.append(message)
        if messages:
            self._relay(messages)

    def _relay(self, messages: list[Message]) -> None:
        persistent = messages[0].envelope.form is RECORD_FORM or any(
            one.traits.persistent for one in messages
        )
        try:
            self._publishing.relay(Run(messages, persistent=persistent), self._stream)
        except Refused as error:  # by an exchange of a type that is gone
            self._report(error)

    def _messages(self, batch: Buffer, header: BatchHeader) -> Iterator[Message]:
        """Yield the records as messages; those that are none are left out."""
        opener = self._opener
        if opener is None:
            stream = self._stream
            opener = RelayedOpener(stream.topic.name, TRIE, stream.name, self._forms)
            self._opener = opener
        now_ms = self._publishing.now_ms()
        appended = header.attributes & LOG_APPEND_TIME
        try:
            body = records.body_of(batch, header, bytes_max=RATIO_MAX * max(len(batch), MIB))
            for _, time_delta, key, _, value_start, end in records.slices(body, header):
                value, written = records.split_of(body, value_start, end)
                time_ms = header.max_timestamp if appended else header.base_timestamp + time_delta
                try:
                    message = opener.relayed(key, value, written, time_ms, now_ms)
                except CorruptBatch as error:  # headers that are none
                    self._report(error)
                else:
                    yield message
        except CorruptBatch as error:  # its sender made it so: its checksum is right
            self._report(error)

    def _report(self, error: Exception) -> None:
        news.warning(
            "records do not come to those who listen at their topic's address",
            topic=self._stream.topic.name,
            error=str(error),
        )
