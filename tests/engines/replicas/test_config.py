"""What operators are given to deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.engines.table import TABLE
from agent.settings import Settings

SERVE = Path(__file__).parents[3] / "infra" / "ray"
CONFIG: dict[str, Any] = yaml.safe_load((SERVE / "config.yaml").read_text())
MANIFEST: dict[str, Any] = yaml.safe_load((SERVE / "kuberay.yaml").read_text())
[APPLICATION] = CONFIG["applications"]


def test_kubernetes_gets_the_same_configuration_as_nodes_do() -> None:
    assert yaml.safe_load(MANIFEST["spec"]["serveConfigV2"]) == CONFIG


def test_every_stage_is_deployed_and_its_settings_exist() -> None:
    assert {deployment["name"] for deployment in APPLICATION["deployments"]} == {*TABLE, "ingress"}
    assert APPLICATION["args"].keys() <= Settings.model_fields.keys()


def test_at_its_largest_and_while_it_is_updated_it_fits_the_two_gpus_of_the_page() -> None:
    most = {
        deployment["name"]: deployment["ray_actor_options"].get("num_gpus", 0)
        * deployment.get("autoscaling_config", {}).get("max_replicas", 1)
        for deployment in APPLICATION["deployments"]
    }
    share = max(deployment["ray_actor_options"].get("num_gpus", 0) for deployment in APPLICATION["deployments"])

    assert sum(most.values()) + share <= 2


def test_the_manifest_names_the_version_of_ray_that_is_locked() -> None:
    locked = (SERVE.parent / "requirements" / "ray.txt").read_text()

    assert f"\nray=={MANIFEST['spec']['rayClusterConfig']['rayVersion']} " in locked


@pytest.mark.ray
@pytest.mark.usefixtures("told")
def test_serve_takes_the_configuration() -> None:
    from ray.serve.schema import ServeDeploySchema

    taken = ServeDeploySchema.model_validate(CONFIG)

    assert [deployment.name for deployment in taken.applications[0].deployments] == [
        deployment["name"] for deployment in APPLICATION["deployments"]
    ]
