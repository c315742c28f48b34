"""What a feature may put around a call to a model."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import Context
from typing import Any

AroundCall = Callable[[str, Sequence[Context]], AbstractContextManager[Any]]
"""Takes the name of a model and the contexts of the requests in the call; none for the current
one alone."""
