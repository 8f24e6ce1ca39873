"""ShareFetch: settle what is said, then hand out messages; wait for some when there are none.

What was settled is safe before the answer goes: whoever has it need not say it again.
"""

from functools import partial
from uuid import UUID

from anymq.core.errors import Refused
from anymq.core.shares.words import Acquired, Place, Taken, Wish
from anymq.core.taps import Origin
from anymq.core.timers import Timer
from anymq.protocols.kafka import errors, share_calls
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.primitives import MalformedFrame
from anymq.protocols.kafka.schema.generated import share_fetch as schema
from anymq.protocols.kafka.share_sessions import FINAL_EPOCH, INITIAL_EPOCH, Key, ShareSession

KEY = 78
VERSIONS = range(1, 3)

WAIT_MS_MAX = 300_000
RECORDS_MAX = 10_000  # by one fetch
PARTITION_BYTES_MAX = 512 * 1024  # read at once: it goes through memory
STRICT = 1  # of the ways to acquire: not one record more than asked for
NEW_MAX = 10_000  # partitions asked for that are not there: each costs us time


def handle(call: Call, request: schema.ShareFetchRequest) -> None:
    """Answer now if there is something, else when there is, or when the time is up."""
    try:
        _check(call, request)
        session = share_calls.session_of(
            call, request.group_id, request.member_id, request.share_session_epoch
        )
    except Refused as error:
        response = schema.ShareFetchResponse()
        errors.explain(response, error)
        call.reply(response)
        return
    _ShareFetch(call, request, session).start()


def _check(call: Call, request: schema.ShareFetchRequest) -> None:
    asked = sum(len(topic.partitions) for topic in request.topics)
    if asked > call.broker.partition_count + NEW_MAX:
        raise MalformedFrame(f"ShareFetch of {asked} partitions, more than there are")
    if request.share_session_epoch == INITIAL_EPOCH and _settles(request):
        raise InvalidRequest("acknowledgements cannot begin a share session")
    if request.is_renew_ack and (request.max_records or request.max_wait_ms):
        raise InvalidRequest("a fetch that keeps messages for longer takes no others")


def _settles(request: schema.ShareFetchRequest) -> bool:
    return any(one.acknowledgement_batches for topic in request.topics for one in topic.partitions)


class _ShareFetch:
    """One fetch on its way to its answer."""

    def __init__(
        self, call: Call, request: schema.ShareFetchRequest, session: ShareSession
    ) -> None:
        self._call = call
        self._request = request
        self._session = session
        self._entries: dict[Key, schema.PartitionData] = {}  # those of which something is said
        self._bytes_left = min(
            max(request.max_bytes, 0), call.session.kafka.settings.fetch_bytes_max
        )
        self._records_left = min(max(request.max_records, 0), RECORDS_MAX)
        self._taken = False
        self._settled = False
        self._timer: Timer | None = None

    def start(self) -> None:
        """Settle; then take what there is, or wait."""
        request, session = self._request, self._session
        if session.on_more is not None:  # by another connection nobody could: a client's mistake
            session.stop()
        self._settle()
        if request.share_session_epoch == FINAL_EPOCH:
            share_calls.end_if_final(self._call, session, FINAL_EPOCH)
            self._answer()
            return
        self._want()
        self._take()
        # An error alone waits: who asks again at once would hear it again.
        if self._taken or self._settled or not self._may_wait():
            self._answer()
        else:
            self._wait()

    def _may_wait(self) -> bool:
        return self._request.max_wait_ms > 0 and self._records_left > 0

    def _settle(self) -> None:
        for topic in self._request.topics:
            for asked in topic.partitions:
                if not asked.acknowledgement_batches:
                    continue
                self._settled = True
                key = (topic.topic_id, asked.partition_index)
                entry = self._entry(key)
                try:
                    share_calls.settle(
                        self._call, self._session, key, asked.acknowledgement_batches
                    )
                except Refused as error:
                    entry.acknowledge_error_code = errors.code_of(error)
                    entry.acknowledge_error_message = str(error)

    def _want(self) -> None:
        asked = [
            (topic.topic_id, one.partition_index)
            for topic in self._request.topics
            for one in topic.partitions
        ]
        forgotten = [
            (topic.topic_id, index)
            for topic in self._request.forgotten_topics_data
            for index in topic.partitions
        ]
        self._session.want(asked, forgotten)
        if len(self._session.wanted) > self._call.broker.partition_count + NEW_MAX:
            raise MalformedFrame("a share session of more partitions than there are")

    # Taking

    def _take(self) -> None:
        """Ask every place, those first that had nothing last time."""
        for key in list(self._session.wanted):
            if self._records_left <= 0 or self._bytes_left <= 0:
                break
            self._take_of(key)

    def _take_of(self, key: Key) -> None:
        try:
            taken = self._place(key).ask(self._wish())
        except Refused as error:
            entry = self._entry(key)
            errors.explain(entry, error)
            if entry.error_code == ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
                # Somebody has the queue for himself. Of what is said of a partition, this is what
                # clients take for "not now".
                entry.error_code = ErrorCode.UNKNOWN_SERVER_ERROR
            self._session.close_place(key)
        else:
            if taken is not None:
                self._put(key, taken)

    def _wish(self) -> Wish:
        return Wish(
            self._records_left,
            min(self._bytes_left, PARTITION_BYTES_MAX),
            self._request.share_acquire_mode == STRICT,
        )

    def _place(self, key: Key) -> Place:
        """Return what the member has there; rights may have changed since it last asked."""
        session = self._session
        spot = share_calls.spot_of(self._call, key[0])
        place = session.places.get(key)
        if place is None:
            place = session.places[key] = self._call.broker.shares.place(
                session.group, spot, key[1], self._who, partial(session.wake, key)
            )
        return place

    @property
    def _who(self) -> Origin:
        return self._call.session.who

    def _put(self, key: Key, taken: Taken) -> None:
        entry = self._entry(key)
        entry.records = b"".join(taken.batches)
        entry.acquired_records = [_acquired(one) for one in taken.acquired]
        self._taken = True
        self._records_left -= taken.records
        self._bytes_left -= taken.size
        self._session.had_its_turn(key)

    def _entry(self, key: Key) -> schema.PartitionData:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = schema.PartitionData(key[1])
            entry.current_leader = schema.LeaderIdAndEpoch(-1, -1)
        return entry

    # Waiting

    def _wait(self) -> None:
        broker = self._call.broker
        wait_ms = min(self._request.max_wait_ms, WAIT_MS_MAX)
        self._timer = broker.timers.at(broker.clock.monotonic() + wait_ms / 1000, self._answer)
        self._call.on_gone = self._stop
        self._session.on_more = self._more

    def _more(self, key: Key) -> None:
        """Another member may have been quicker: then it waits on."""
        self._session.on_more = None
        self._take_of(key)
        if self._taken or self._entries:
            self._answer()
        else:
            self._session.on_more = self._more

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._session.stop()

    # Answering

    def _answer(self) -> None:
        self._stop()
        response = self._response()
        if self._settled:
            self._call.broker.when_settled(lambda error: self._reply(response, error))
        else:
            self._reply(response, None)

    def _reply(self, response: schema.ShareFetchResponse, error: Exception | None) -> None:
        if error is not None:
            for topic in response.responses:
                for entry in topic.partitions:
                    entry.acknowledge_error_code = errors.code_of(error)
        self._call.session.kafka.counters.bytes_out += sum(
            len(entry.records) for topic in response.responses for entry in topic.partitions
        )
        self._call.reply(response)

    def _response(self) -> schema.ShareFetchResponse:
        topics: dict[UUID, schema.ShareFetchableTopicResponse] = {}
        for (topic_id, _), entry in self._entries.items():
            topic = topics.get(topic_id)
            if topic is None:
                topic = topics[topic_id] = schema.ShareFetchableTopicResponse(topic_id)
            topic.partitions.append(entry)
        settings = self._call.broker.shares.settings_of(self._session.group)
        return schema.ShareFetchResponse(
            acquisition_lock_timeout_ms=settings.lock_ms, responses=list(topics.values())
        )


def _acquired(one: Acquired) -> schema.AcquiredRecords:
    return schema.AcquiredRecords(one.first, one.last, one.deliveries)
