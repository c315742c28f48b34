"""The roles that a version of a model can have, as a request names them."""

CHAMPION = ""
"""The version that answers every request that asks for no other."""

CHALLENGER = "challenger"
"""The version that is tried on a fraction of the callers."""


def is_reference(version: str) -> bool:
    """Whether this names one version, such as "churn:3", and not a role that versions have."""
    return ":" in version
