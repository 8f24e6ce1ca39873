"""What the disk, or what was found on it, may make us refuse."""


class StorageError(Exception):
    """Nothing was acknowledged that is not kept; what was asked now is not done."""


class LogFailed(StorageError):
    """No more writes until a restart: the disk reported an error on write or sync."""


class LogUnknown(LogFailed):
    """What names this log did not get to the disk: nobody will find it, and need not be told."""


class DiskFull(StorageError):
    """No space. Writes are refused until there is some again; nothing acknowledged is lost."""


class TooManyFiles(StorageError):
    """No file descriptor is free. Nothing acknowledged is lost; it may work again at once."""


class LogDeleted(StorageError):
    """The log was deleted while this was waiting."""


class OffsetOutOfRange(StorageError):
    """Below the first kept offset, or above the end."""


class CorruptBatch(StorageError):
    """These bytes are not a whole, undamaged record batch."""


class DirectoryInUse(StorageError):
    """Another process holds the data directory."""


class UnknownVersion(StorageError):
    """The data directory was written by a version that this one cannot read."""
