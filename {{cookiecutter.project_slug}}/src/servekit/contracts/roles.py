"""The roles that a version of a model can have, as a request names them."""

CHAMPION = ""
"""The version that answers every request that asks for no other."""

CHALLENGER = "challenger"
"""The version that is tried on a fraction of the callers."""
