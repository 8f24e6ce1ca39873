"""anymq: one durable message broker that every message client already speaks to."""

__version__ = "0.1.0"
