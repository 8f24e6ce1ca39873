"""What is said of policies beside the things that follow them."""

from typing import Any

from anymq.core.policies.policy import Applied


def names(applied: Applied) -> dict[str, Any]:
    """Return which policies hold for something."""
    return {
        "policy": None if applied.policy is None else applied.policy.name,
        "operator_policy": None if applied.operator is None else applied.operator.name,
    }


def names_if_any(applied: Applied) -> dict[str, Any]:
    """Return the same, where there is something to say."""
    return {key: name for key, name in names(applied).items() if name is not None}
