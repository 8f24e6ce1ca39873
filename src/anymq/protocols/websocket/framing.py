"""Framing: what a session owes, as frames; the payloads stay the objects they were."""

from collections.abc import Callable

from anymq.protocols.session import Output
from anymq.protocols.websocket.codec import Opcode, head_of
from anymq.storage.files import Buffer, FileRange

# Several packets share a frame up to here. Clients have limits, too: many take 1 MiB at most.
MESSAGE_BYTES_MAX = 256 * 1024


class Framed(bytes):
    """A whole frame, or the head of one."""

    __slots__ = ()


Pack = Callable[[list[Output]], list[Output]]


def as_stream(outputs: list[Output]) -> list[Output]:
    """Binary messages of any part of the stream: as MQTT allows (3.1.1, 6.0)."""
    frames: list[Output] = []
    run: list[Output] = []
    size = 0
    for output in outputs:
        if isinstance(output, Framed):
            size = _seal(frames, run, size)
            frames.append(output)
            continue
        for part in _parts(output):
            if size + size_of(part) > MESSAGE_BYTES_MAX:
                size = _seal(frames, run, size)
            run.append(part)
            size += size_of(part)
    _seal(frames, run, size)
    return frames


def _seal(frames: list[Output], run: list[Output], size: int) -> int:
    if size:
        frames.append(Framed(head_of(Opcode.BINARY, size)))
        frames += run
        run.clear()
    return 0


def _parts(output: Output) -> list[Output]:
    size = size_of(output)
    if size <= MESSAGE_BYTES_MAX:
        return [output]
    starts = range(0, size, MESSAGE_BYTES_MAX)
    if isinstance(output, FileRange):
        return [
            FileRange(output.file, output.position + at, min(MESSAGE_BYTES_MAX, size - at))
            for at in starts
        ]
    view = memoryview(output)
    return [view[at : at + MESSAGE_BYTES_MAX] for at in starts]


def as_texts(outputs: list[Output]) -> list[Output]:
    """Each a message: as text if it is one, which every library of STOMP takes; else as binary."""
    frames: list[Output] = []
    for output in outputs:
        if not isinstance(output, Framed) and size_of(output):
            text = not isinstance(output, FileRange) and _is_text(output)
            opcode = Opcode.TEXT if text else Opcode.BINARY
            frames.append(Framed(head_of(opcode, size_of(output))))
        frames.append(output)
    return frames


def _is_text(output: Buffer) -> bool:
    try:
        str(output, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def size_of(output: Output) -> int:
    """Return how many bytes it is."""
    return output.size if isinstance(output, FileRange) else len(output)
