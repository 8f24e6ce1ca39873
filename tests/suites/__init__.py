"""Other people's tests, pointed at us; and at the real peer, to know what they say there."""
