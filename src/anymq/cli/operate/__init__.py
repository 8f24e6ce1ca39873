"""The commands of those who operate a broker, over its HTTP API; one module each."""
