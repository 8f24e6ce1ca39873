"""What all tests share."""

import os

from hypothesis import HealthCheck, settings

# How much longer than usual: ./dev soak sets it.
EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))

# A machine that is busy with something else must not fail a test: the time-out of pytest is enough.
settings.register_profile(
    "anymq",
    deadline=None,
    max_examples=100 * EFFORT,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("anymq")
