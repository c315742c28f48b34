"""Errors of the model store."""


class ModelStoreError(Exception):
    """A model cannot be opened. The message is one sentence that names what is at fault.

    It may hold paths: it is for operators, not for callers.
    """


class StoreUnreachableError(ModelStoreError):
    """The store does not answer, or not in time."""


class ModelCacheError(ModelStoreError):
    """A version cannot be kept on this machine, such as on a full disk. It may be sound."""
