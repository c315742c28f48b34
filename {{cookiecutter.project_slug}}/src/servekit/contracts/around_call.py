"""A context manager that a feature puts around calls to a model."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import Context
from typing import Any

AroundCall = Callable[[str, Sequence[Context]], AbstractContextManager[Any]]
"""Takes the name of a model and the contexts of the batched requests; empty for the current one."""
