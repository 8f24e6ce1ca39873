"""The response written by hand is byte for byte the generated encoder's, and others can read it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.protocol.consumer import FetchResponse as KafkaPythonResponse
from kio.serial import entity_reader

from anymq.core.shares.queue_view import Packed
from anymq.protocols.kafka.api import fetch, fetch_response
from anymq.protocols.kafka.api.fetch_response import PartitionAnswer, TopicAnswer
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.primitives import NULL_UUID
from anymq.protocols.kafka.schema.generated import fetch as schema
from anymq.storage.files import FileRange
from anymq.testing.simfs import SimFiles

INT32 = st.integers(0, 2**31 - 1)
INT64 = st.integers(-1, 2**63 - 1)


def in_a_file(data: bytes) -> FileRange:
    files = SimFiles()
    files.put("log", b"before" + data + b"after")
    return FileRange(files.open("log"), 6, len(data))


@st.composite
def partition_answers(draw: st.DrawFn) -> PartitionAnswer:
    data = draw(st.binary(max_size=300))
    return PartitionAnswer(
        draw(INT32),
        draw(st.sampled_from([ErrorCode.NONE, ErrorCode.NONE, *ErrorCode])),
        draw(INT64),
        draw(INT64),
        in_a_file(data) if data else None,
    )


TOPICS = st.lists(
    st.builds(
        TopicAnswer,
        st.text(max_size=200).filter(lambda name: len(name.encode()) < 250),
        st.uuids() | st.just(NULL_UUID),
        st.lists(partition_answers(), max_size=4),
    ),
    max_size=4,
)


def as_struct(
    topics: list[TopicAnswer], error: ErrorCode, session_id: int, committed_only: bool
) -> schema.FetchResponse:
    return schema.FetchResponse(
        error_code=error,
        session_id=session_id,
        responses=[
            schema.FetchableTopicResponse(
                topic.name, topic.id, [_partition(one, committed_only) for one in topic.partitions]
            )
            for topic in topics
        ],
    )


def _partition(said: PartitionAnswer, committed_only: bool) -> schema.PartitionData:
    return schema.PartitionData(
        partition_index=said.index,
        error_code=said.error,
        high_watermark=said.high_watermark,
        last_stable_offset=said.high_watermark,
        log_start_offset=said.log_start,
        aborted_transactions=[] if committed_only and not said.error else None,
        records=_bytes_of(said.records),
    )


def _bytes_of(records: FileRange | Packed | None) -> bytes:
    if isinstance(records, Packed):
        return records.data
    return records.read() if records is not None else b""


def written(topics: list[TopicAnswer], version: int, **options: object) -> bytes:
    pieces, size = fetch_response.encode(topics, version, **options)  # type: ignore[arg-type]
    data = b"".join(one.read() if isinstance(one, FileRange) else bytes(one) for one in pieces)
    assert len(data) == size
    return data


@given(
    topics=TOPICS,
    version=st.sampled_from(fetch.VERSIONS),
    error=st.sampled_from([ErrorCode.NONE, ErrorCode.FETCH_SESSION_ID_NOT_FOUND]),
    session_id=INT32,
    committed_only=st.booleans(),
)
def test_it_is_what_the_generated_encoder_writes(
    topics: list[TopicAnswer], version: int, error: ErrorCode, session_id: int, committed_only: bool
) -> None:
    expected = schema.encode_response(as_struct(topics, error, session_id, committed_only), version)
    options = {"error": error, "session_id": session_id, "committed_only": committed_only}
    assert written(topics, version, **options) == expected


ANSWER = [
    TopicAnswer(
        "orders",
        UUID("8f4f0f5e-0000-4000-8000-00000000000a"),
        [
            PartitionAnswer(0, ErrorCode.NONE, 12, 3, in_a_file(bytes(5))),
            PartitionAnswer(1, ErrorCode.OFFSET_OUT_OF_RANGE),
        ],
    )
]


@pytest.mark.parametrize("version", fetch.VERSIONS)
def test_kafka_python_reads_it(version: int) -> None:
    """Somebody else's reading of the protocol."""
    read = KafkaPythonResponse.decode(written(ANSWER, version, session_id=0), version=version)
    (topic,) = read.responses
    first, second = topic.partitions
    assert (first.high_watermark, first.records) == (12, bytes(5))
    assert second.error_code == ErrorCode.OFFSET_OUT_OF_RANGE


@pytest.mark.parametrize("version", fetch.VERSIONS)
def test_kio_reads_it(version: int) -> None:
    """And somebody else's again."""
    module = __import__(f"kio.schema.fetch.v{version}.response", fromlist=["FetchResponse"])
    data = written(ANSWER, version)
    response, size = entity_reader(module.FetchResponse)(memoryview(data), 0)
    assert size == len(data)
    assert response.responses[0].partitions[0].high_watermark == 12
