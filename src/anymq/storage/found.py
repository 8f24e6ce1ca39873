"""Found: where batches are in a log."""

from dataclasses import dataclass

from anymq.storage.files import FileRange
from anymq.storage.segment import Segment


@dataclass(frozen=True, slots=True)
class Found(FileRange):
    """Where they are: who has read some says to the log how far, and it goes on from there."""

    segment: Segment
