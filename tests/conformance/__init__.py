"""Real clients against a real process: ours, or the peer's with ANYMQ_PEER."""
