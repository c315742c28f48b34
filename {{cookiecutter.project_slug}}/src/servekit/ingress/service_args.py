"""What `serve.yaml` may say of a service."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ServiceArgs(BaseModel):
    """The `args` of the application in `serve.yaml`. An unknown key is refused.

    placement: `separate` gives each model deployments of its own; `inline` holds the models
        in the ingress replicas.
    build: any text. Serve redeploys an application only when its configuration changes, so a
        new image under the same configuration needs a new text here.
    """

    model_config = ConfigDict(extra="forbid")

    placement: Literal["separate", "inline"] = "separate"
    build: str = ""
