"""Models from an MLflow registry: its versions and aliases, and the files that runs logged.

MLflow's client takes seconds to import, so that waits until a store at `mlflow:` is opened.
"""

from servekit.registry.sources.source import SourceKind

from .connect import open_registry

mlflow = SourceKind(("mlflow",), open_registry)
