"""Errors of calls to a model.

Every message is shown to the caller: it names no host, process or file. Each error passes
its arguments to `Exception` unchanged, so it crosses process boundaries intact.
"""


class ModelError(Exception):
    """The model failed to answer this request. A retry is unlikely to help."""


class ModelOverloadedError(ModelError):
    """Too many requests are waiting. Retry after a pause."""


class TooManyStreamsError(ModelError):
    """One caller has as many streams as it may. Retry once one of them has ended."""


class TooManyRequestsError(ModelError):
    """One caller has as many requests under way as it may. Retry once one of them has ended."""


class ModelUnavailableError(ModelError):
    """No process answers for the model right now. A retry after a pause may help."""


class ModelTimeoutError(ModelError):
    """The model did not answer within the time a request may take."""


class ModelReplacedError(ModelError):
    """The version that was asked for is no longer loaded. Another one answers now."""
