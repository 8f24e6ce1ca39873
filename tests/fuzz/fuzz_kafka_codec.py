"""Search for bytes that break Kafka's codecs.

`python tests/fuzz/fuzz_kafka_codec.py -max_total_time=60`: the arguments are libFuzzer's. The first
two bytes of an input say which message in which version the rest is.
"""

import importlib
import sys
from contextlib import suppress
from typing import Any

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris (Linux, CPython)")

with atheris.instrument_imports(include=["anymq"]):
    from anymq.protocols.kafka.codec import FrameAssembler, MalformedFrame, decode_request_header
    from anymq.protocols.kafka.schema.generated import MODULES

    PACKAGE = "anymq.protocols.kafka.schema.generated"
    CODECS: list[Any] = [importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES.values()]

FRAME_BYTES_MAX = 1 << 20


def one_input(data: bytes) -> None:
    """Nothing but MalformedFrame may come out; what is understood must come back the same."""
    if len(data) < 2:
        return
    codec, kind = CODECS[(data[0] >> 1) % len(CODECS)], ("request", "response")[data[0] & 1]
    versions = range(codec.MIN_VERSION, codec.MAX_VERSION + 1)
    with suppress(MalformedFrame):
        message(codec, kind, versions[data[1] % len(versions)], memoryview(data)[2:])
    with suppress(MalformedFrame):
        conversation(memoryview(data))


def message(codec: Any, kind: str, version: int, data: memoryview) -> None:
    """Decode; then our own encoding must be one that means the same."""
    decode, encode = getattr(codec, f"decode_{kind}"), getattr(codec, f"encode_{kind}")
    encoded = encode(decode(data, 0, version), version)
    assert encode(decode(encoded, 0, version), version) == encoded


def conversation(data: memoryview) -> None:
    """The same bytes as frames, in two pieces."""
    frames = FrameAssembler(FRAME_BYTES_MAX)
    for part in (data[: len(data) // 2], data[len(data) // 2 :]):
        for frame, _owned in frames.feed(part):
            decode_request_header(frame, frame[0] > 64)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
