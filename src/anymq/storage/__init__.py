"""The durable log: bytes on disk, and nothing about protocols."""
