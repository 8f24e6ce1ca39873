"""A Kafka client does not write in the name of others: AMQP's consumers trust `user-id`."""

import pytest

from anymq.core.message import Envelope, Form, Message, Properties
from anymq.core.portable.packer import Packer
from anymq.core.queues.deadletters import died
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated.produce import (
    PartitionProduceData,
    ProduceRequest,
    TopicProduceData,
)
from anymq.protocols.kafka.schema.generated.sasl_authenticate import SaslAuthenticateRequest
from anymq.protocols.kafka.schema.generated.sasl_handshake import SaslHandshakeRequest
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.security.users import Users
from anymq.storage import records
from anymq.storage.compression import Compression
from anymq.storage.records import Record, headers_of
from anymq.testing.kafka import KafkaDialog, KafkaRoom

FORMS = (AMQP_FORM, died(AMQP_FORM))


@pytest.fixture
def room() -> KafkaRoom:
    room = KafkaRoom(KafkaSettings(sasl_mechanisms=("PLAIN",)), users=Users({"ada": ("secret",)}))
    room.broker.create_topic("orders")
    return room


@pytest.fixture
def ada(room: KafkaRoom) -> KafkaDialog:
    dialog = room.dialog()
    dialog.ask(SaslHandshakeRequest("PLAIN"))
    assert not dialog.ask(SaslAuthenticateRequest(b"\0ada\0secret")).error_code
    return dialog


def copied(user: str | None, form: Form = AMQP_FORM) -> Record:
    """A record as a client has it that read it where somebody wrote it by AMQP."""
    properties = form.write(Properties(user_id=user, headers={"a": 1}))
    message = Message(Envelope("x", "key", form), properties, b"pay me", 0)
    packed = Packer("orders").pack(message)
    return Record(b"pay me", packed.key, headers_of(packed.headers))


def send(client: KafkaDialog, *sent: Record, codec: Compression = Compression.NONE) -> int:
    batch = records.build(sent, compression=codec)
    data = [TopicProduceData("orders", partition_data=[PartitionProduceData(0, batch)])]
    (topic,) = client.ask(ProduceRequest(None, -1, 1000, data), 12).responses
    (said,) = topic.partition_responses
    if said.error_code == ErrorCode.INVALID_RECORD:
        assert "but authenticated user was 'ada'" in (said.error_message or "")
    return int(said.error_code)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("codec", Compression)
def test_nobody_writes_in_the_name_of_others(
    ada: KafkaDialog, form: Form, codec: Compression
) -> None:
    forged = [Record(b"before"), copied("root", form), Record(b"after")]
    assert send(ada, *forged, codec=codec) == ErrorCode.INVALID_RECORD


def test_a_header_that_is_not_the_first_is_no_way_around(ada: KafkaDialog) -> None:
    forged = copied("root")
    moved = forged._replace(headers=((b"first", b"x"), *forged.headers))
    assert send(ada, moved) == ErrorCode.INVALID_RECORD


def test_one_may_write_in_ones_own_name_or_in_none(ada: KafkaDialog) -> None:
    """Also a copy of what was written by AMQP, with all that it said."""
    assert send(ada, copied("ada"), copied(None)) == ErrorCode.NONE
    assert send(ada, Record(b"anymq", b"anymq", ((b"anymq", b"mine"),))) == ErrorCode.NONE


def test_an_impersonator_may(ada: KafkaDialog, room: KafkaRoom) -> None:
    """The same tag as by AMQP; it holds at once."""
    assert send(ada, copied("root")) == ErrorCode.INVALID_RECORD
    room.broker.users.set_tags("ada", ["impersonator"])
    assert send(ada, copied("root")) == ErrorCode.NONE


def test_where_nobody_logs_in_names_mean_nothing(room: KafkaRoom) -> None:
    assert send(room.dialog(), copied("root")) == ErrorCode.NONE
