"""Checksum: CRC-32 of bodies, which clients check; as quickly as can be had here."""

try:
    from isal.isal_zlib import crc32  # ten times as fast; there is a wheel for nearly everyone
except ImportError:
    from zlib import crc32

__all__ = ["crc32"]
