"""Keeps Ray Serve's span as the parent of a request's span."""

from opentelemetry.context import Context, get_current
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import get_current_span


class Inherited(TextMapPropagator):
    """Reads a request's headers only where no span has been made of it already.

    FastAPI would otherwise put its span beside Ray Serve's instead of below it.
    """

    def __init__(self, headers: TextMapPropagator) -> None:
        self._headers = headers

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        current = get_current()
        if get_current_span(current).get_span_context().is_valid:
            return current
        return self._headers.extract(carrier, context, getter)

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        self._headers.inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        return self._headers.fields
