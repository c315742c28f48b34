"""What can go wrong with a model before it serves."""


class ModelStoreError(Exception):
    """A model cannot be opened. The message is one sentence that names what is at fault.

    It may hold paths: it is for whoever starts the service, not for its callers.
    """


class StoreUnreachableError(ModelStoreError):
    """The place that keeps the models does not answer, or not in time."""


class ModelCacheError(ModelStoreError):
    """A version cannot be kept on this machine, such as on a full disk. It may be sound."""
