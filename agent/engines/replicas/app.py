"""Which deployments there are, and how many of each: what `serve deploy` and `serve.run` take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError
from ray import serve
from ray.serve import Application

from agent.engines.service.service import Service
from agent.engines.service.service import build as service
from agent.engines.table import TABLE
from agent.errors import SettingsError
from agent.settings import Settings

from .engine import Engine
from .ingress import Ingress

STAGE: Mapping[str, Any] = {
    "ray_actor_options": {
        "num_cpus": 0.1
    },  # so that all of it starts on any machine; a cluster's configuration says more
    # All that wait do so where rooms take turns and interims grow stale: in the replica.
    "max_ongoing_requests": 64,
    "max_queued_requests": 64,
    "autoscaling_config": {"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 3, "upscale_delay_s": 5},
    # An update starts new replicas first, and stops old ones when these are loaded.
    "max_surge_percent": 100,
    "health_check_period_s": 5,
    "graceful_shutdown_timeout_s": 20,
}
"""Of each stage, where the configuration says nothing else."""
FRONT: Mapping[str, Any] = {
    "ray_actor_options": {"num_cpus": 0.1},
    "max_ongoing_requests": 512,
    "autoscaling_config": {"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 64},
    "max_surge_percent": 100,
    "graceful_shutdown_timeout_s": 20,
}
"""Of the ingress, which keeps nothing and computes little."""


def build(args: Mapping[str, Any]) -> Application:
    """The application. `args` are settings by the names of their fields; what they leave out, each replica
    reads from the environment of its own machine.

    Raises `SettingsError` for settings and engines that there aren't.
    """
    of(args)
    return arranged(partial(of, args))


def arranged(service: Callable[[], Service]) -> Application:
    """The application of a service's stages; every replica makes that service anew and runs its stage of it."""
    stages = {name: serve.deployment(Engine, name=name, **STAGE).bind(name, service) for name in TABLE}
    front = serve.deployment(serve.ingress()(Ingress), name="ingress", **FRONT)
    application: Application = front.bind(**stages)
    return application


def of(args: Mapping[str, Any]) -> Service:
    """The service with these settings; nothing is loaded yet. Raises `SettingsError`."""
    if unknown := sorted(args.keys() - Settings.model_fields.keys()):
        raise SettingsError("bad_settings", f"there are no settings {', '.join(unknown)}")
    try:
        settings = Settings(**args)
    except ValidationError as error:
        wrong = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors(include_input=False))
        raise SettingsError("bad_settings", wrong) from None
    if "livekit" in (settings.recognise, settings.speak):
        # LiveKit wants its plugins imported on a main thread, and Serve runs us on another.
        raise SettingsError("bad_settings", "a LiveKit plugin is asked by an engine service, not by Ray Serve")
    return service(settings)
