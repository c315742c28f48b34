"""Puts a service together from its parts. Nothing here needs Ray."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from servekit.api import Feature, Service, create_app
from servekit.api.canary import CanarySettings
from servekit.api.contract_types import check_contracts
from servekit.api.request_id import AnswersRequestId
from servekit.api.settings import ApiSettings
from servekit.contracts import Meter, NullMeter, Ports, WrappedPredictor
from servekit.logs import configure_logging
from servekit.registry.errors import ModelStoreError
from servekit.registry.settings import VARIABLES, StoreSettings
from servekit.registry.sources.source import SourceKind
from servekit.registry.store import chosen
from servekit.serving.client import ModelClient
from servekit.serving.deployment import imported
from servekit.serving.in_process import InProcessTransport
from servekit.serving.instrumented_call import around_calls
from servekit.serving.model import Model, by_name
from servekit.serving.settings import BatcherSettings
from servekit.serving.transport import ModelTransport
from servekit.settings import Settings, SettingsError, refuse_misspellings

from .handshakes import refuse_unreadable_handshakes
from .transports import Transport
from .write_deadline import WriteDeadline


class Checked(NamedTuple):
    """What the environment says, read once, and the features that it enables."""

    api: ApiSettings
    canary: CanarySettings
    batcher: BatcherSettings
    features: Sequence[Feature]


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What a service is made of.

    Attributes:
        service: What it is called.
        routers: Gives its routers, in the order in which their routes are tried.
        models: Gives the models that the routes ask.
        features: Gives the features, outermost first; it reads their settings when it is called.
        sources: Gives the kinds of place that `MODEL_STORE` may name.
        transports: Gives the transports beside HTTP.
    """

    service: Service
    routers: Callable[[], Iterable[APIRouter]]
    models: Callable[[], Iterable[Model]]
    features: Callable[[], Iterable[Feature]]
    sources: Callable[[], Iterable[SourceKind]]
    transports: Callable[[], Iterable[Transport]] = tuple

    def check(self) -> Checked:
        """Read and check all settings, those of the enabled features included.

        Raises:
            SettingsError: A setting is malformed or nearly spelt like one, two models have one
                name, or a contract will not do.
        """
        try:
            models = by_name(self.models())
        except ValueError as error:  # such as of a contract with a name that no model can have
            raise SettingsError(str(error)) from None
        check_contracts(one.contract for one in models.values())
        api, canary, batcher = ApiSettings.load(), CanarySettings.load(), BatcherSettings.load()
        enabled = [*self.features(), *(one.feature for one in self.transports())]
        try:
            chosen(tuple(self.sources()), StoreSettings.load().store)
        except ModelStoreError as error:
            raise SettingsError(str(error)) from None
        # The settings of the store are read outside of the `Settings` classes.
        refuse_misspellings([*Settings.variables(), *VARIABLES])
        return Checked(api, canary, batcher, enabled)

    def check_all(self) -> Checked:
        """Check besides that each model has its class, and that routes have their models.

        For what starts the service: it imports the models, which an ingress can do without.

        Raises:
            SettingsError: As `check`, or one of these is missing.
        """
        checked = self.check()
        models = by_name(self.models())
        try:
            for one in models.values():
                imported(one.name, one.path, "predict", *(["load"] if one.versioned else []))
        except ModelStoreError as error:
            raise SettingsError(str(error)) from None
        self._unasked(checked)
        return checked

    def paths(self) -> Iterable[str]:
        """Return the paths of all routes, as OpenAPI has them.

        Raises:
            SettingsError: As `check`.
        """
        checked = self.check()
        return self._unasked(checked, checked.features).openapi()["paths"]

    def _unasked(self, checked: Checked, features: Sequence[Feature] = ()) -> FastAPI:
        """Build the API with models that never answer, to find references to unknown ones."""
        nothing: Any = None
        known = by_name(self.models())
        unasked = {name: WrappedPredictor(nothing) for name in known}
        contracts = {name: one.contract for name, one in known.items()}
        ports = Ports(unasked, NullMeter(), contracts)
        return create_app(self.service, ports, [*self.routers()], features, settings=checked.api)

    def ports(
        self,
        transports: Mapping[str, ModelTransport],
        meter: Meter,
        features: Sequence[Feature],
        settings: BatcherSettings,
    ) -> Ports:
        """The models as the API asks them, through a transport to each by its name."""
        around = around_calls([one.around_call for one in features if one.around_call])
        known = by_name(self.models())
        clients = {
            name: ModelClient(
                name,
                transports[name],
                one.within(settings),
                meter,
                around,
                tries_whole=one.contract.streams and hasattr(one.kind, "whole_streams"),
            )
            for name, one in known.items()
        }
        return Ports(clients, meter, {name: one.contract for name, one in known.items()})

    def held(
        self, settings: BatcherSettings, meter: Meter | None = None
    ) -> Mapping[str, InProcessTransport]:
        """Transports to all models, loaded into this process."""
        sources = tuple(self.sources())
        counts = None if meter is None else lambda: meter
        return {
            name: InProcessTransport(name, one.held(sources, counts), settings.timeout_s)
            for name, one in by_name(self.models()).items()
        }

    def api(self, ports: Ports, checked: Checked) -> FastAPI:
        """The API around the models, with the features and settings that were checked."""
        configure_logging(checked.api.log_level, self.service.package)
        return create_app(
            self.service,
            ports,
            [*self.routers()],
            checked.features,
            settings=checked.api,
            canary=checked.canary,
        )

    def development(self) -> ASGIApp:
        """The service in this process, answering request ids as Ray Serve's proxy would."""
        checked = self.check()
        refuse_unreadable_handshakes()
        held = self.held(checked.batcher)
        ports = self.ports(held, NullMeter(), checked.features, checked.batcher)
        answering = AnswersRequestId(self.api(ports, checked))
        return WriteDeadline(answering, checked.api.write_timeout_s)
