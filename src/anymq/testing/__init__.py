"""A broker in your tests: EmbeddedBroker, the pytest plugin, SimFS."""
