"""The engine service's own HTTP before Ray Serve's deployments: rooms can't tell one from the other."""

from __future__ import annotations

from prometheus_client import generate_latest
from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from agent.engines.service.api import Api
from agent.engines.service.stage import Figures

from .asgi import application
from .deployed import Deployments


class Ingress:
    """A replica that answers at the addresses and asks the stages' replicas. `handles` are theirs, by stage."""

    def __init__(self, **handles: DeploymentHandle) -> None:
        self._figures = Figures()
        self._api = Api(Deployments(handles), self._figures)

    def __serve_build_asgi_app__(self) -> Starlette:
        """What Serve passes each request to."""
        return application(self._api)

    def figures(self) -> tuple[str, bytes]:
        """See `Engine.figures`."""
        return serve.get_replica_context().replica_tag, generate_latest(self._figures.registry)
