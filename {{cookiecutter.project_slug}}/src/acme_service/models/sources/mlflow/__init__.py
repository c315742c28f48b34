"""Models from an MLflow registry: its versions and aliases, and the files that runs logged.

MLflow's client takes seconds to import, so that waits until a store at `mlflow:` is opened.
"""

from acme_service.models.sources.source import SourceKind

from .opening import open_registry

mlflow = SourceKind(("mlflow",), open_registry)
