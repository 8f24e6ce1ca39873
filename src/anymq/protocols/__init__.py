"""The dialects. Each has the same rooms: codec, session, convert, errors."""
