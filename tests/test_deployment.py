"""What others run Scholiast with is valid: the Dockerfile, Compose files, the proxy's configuration, Kubernetes."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from rag.config import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "service" / "deploy"
TEAM = DEPLOY / "compose.team.yaml"
COMPOSE = [ROOT / "compose.yaml", TEAM]


def run(tool: str, *arguments: str | Path) -> None:
    """A tool of this environment; what it says is the reason for a failure."""
    done = subprocess.run([Path(sys.executable).with_name(tool), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def team() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(TEAM.read_text("utf-8"))
    return found


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    run("hadolint", ROOT / "Dockerfile")


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_a_compose_file_is_valid_by_the_schema_of_its_specification(file: Path) -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)


@pytest.mark.slow
def test_the_kubernetes_objects_are_valid_and_have_no_unknown_field() -> None:
    run("kubernetes-validate", "--strict", DEPLOY / "kubernetes.yaml")


@pytest.mark.parametrize("file", [*COMPOSE, DEPLOY / "kubernetes.yaml"], ids=lambda file: file.name)
def test_every_setting_that_is_named_exists_and_no_secret_is_written_down(file: Path) -> None:
    text = file.read_text("utf-8")
    assert {name.lower() for name in re.findall(r"SCHOLIAST_(\w+)", text)} <= {*Settings.model_fields}
    for name in ("SCHOLIAST_API_KEYS", "POSTGRES_PASSWORD"):
        assert not re.search(rf"^\s+{name}: (?!\$\{{{name}:\?)", text, re.MULTILINE)


def test_the_team_has_two_replicas_of_which_only_the_proxy_is_reached_and_believed() -> None:
    services = team()["services"]
    assert services["scholiast"]["deploy"]["replicas"] == 2
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    address = services["proxy"]["networks"]["default"]["ipv4_address"]
    assert services["scholiast"]["environment"]["SCHOLIAST_TRUSTED_PROXIES"] == address
    assert "healthcheck" in services["postgres"] and "healthcheck" in services["chroma"]


def test_the_server_of_chroma_is_of_the_version_of_its_client() -> None:
    assert team()["services"]["chroma"]["image"] == f"chromadb/chroma:{version('chromadb')}"


def test_the_image_that_kubernetes_runs_has_the_number_of_this_version() -> None:
    [deployment, *_] = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8"))
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith(f":{version('scholiast')}")


def test_the_proxy_streams_and_replaces_what_a_client_says_of_itself() -> None:
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    for line in ("proxy_buffering off;", "proxy_set_header X-Forwarded-For $remote_addr;", "proxy_read_timeout 330s;"):
        assert line in text
    assert "$proxy_add_x_forwarded_for" not in text


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("there is no nginx; `apt-get install nginx-light` brings it")
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    text = text.replace("scholiast:8000", "127.0.0.1:8000").replace("/run/nginx.pid", str(tmp_path / "pid"))
    file = tmp_path / "nginx.conf"
    file.write_text(text, "utf-8")
    done = subprocess.run([nginx, "-t", "-c", file, "-p", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
