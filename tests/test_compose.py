"""The compose files and the Dockerfile, read and checked: no Docker engine runs the tests."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "tests" / "compose_schema.json").read_text())
FILES = ("docker-compose.yml", "docker-compose.cpu.yml")


class Reset(list[Any]):
    """A value with Compose's tag `!reset`: it removes what the overridden file says."""


class _Loader(yaml.SafeLoader):
    """YAML with that tag, and with keys that occur twice refused, as Compose refuses them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice in {node.start_mark}: {keys}"
        return super().construct_mapping(node, deep)


_Loader.add_constructor("!reset", lambda loader, node: Reset(loader.construct_sequence(node)))


def _load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load((ROOT / name).read_text(), _Loader)  # noqa: S506  # derived from SafeLoader
    return content


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = _load("docker-compose.yml")["services"]
    return found


def _devices(service: dict[str, Any]) -> Any:
    return service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")


@pytest.mark.parametrize("name", FILES)
def test_files_fit_the_compose_specification(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(_load(name), SCHEMA)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("services", "api", "comand"), ["misspelt"]),
        (("services", "api", "depends_on", "redis", "condition"), "service_awake"),
        (("services", "api", "restart"), "sometimes"),
        (("services", "redis", "healthcheck", "interval"), 2),
        (("services", "worker", "environment", "NESTED"), {"a": 1}),
        (("service",), {}),
    ],
)
def test_the_schema_refuses_what_compose_refuses(place: tuple[str, ...], value: object) -> None:
    content = json.loads(json.dumps(_load("docker-compose.yml")))
    part = content
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def test_named_volumes_are_declared_and_used() -> None:
    content = _load("docker-compose.yml")
    used = {mount.partition(":")[0] for each in content["services"].values() for mount in each.get("volumes", [])}
    assert used == set(content["volumes"]) == {"cache", "postgres", "redis"}


def test_redis_evicts_nothing_and_writes_its_log(services: dict[str, Any]) -> None:
    command = services["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--appendonly"] == "yes"


def test_the_schema_is_newest_before_anything_reads_it(services: dict[str, Any]) -> None:
    migrate = services["migrate"]
    assert migrate["command"] == ["slotwise", "migrate"]
    assert migrate["restart"] == "no"
    assert migrate["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("api", "worker"):
        conditions = {other: each["condition"] for other, each in services[name]["depends_on"].items()}
        assert conditions == {"migrate": "service_completed_successfully", "redis": "service_healthy"}


def test_who_is_waited_for_has_a_health_check_and_exists(services: dict[str, Any]) -> None:
    for service in services.values():
        for other, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"]
            assert other in services
    assert "/readyz" in services["api"]["healthcheck"]["test"][-1]


def test_who_holds_the_model_has_a_gpu_and_the_override_takes_it_away(services: dict[str, Any]) -> None:
    with_gpu = {name for name, service in services.items() if _devices(service)}
    assert with_gpu == {"api", "worker"}
    for name in with_gpu:
        assert _devices(services[name]) == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    override = _load("docker-compose.cpu.yml")["services"]
    assert set(override) == with_gpu
    assert all(services[name]["environment"]["SLOTWISE_DEVICE"] == "cuda" for name in with_gpu)
    assert all(service["environment"] == {"SLOTWISE_DEVICE": "cpu"} for service in override.values())
    assert all(isinstance(_devices(service), Reset) and not _devices(service) for service in override.values())


def test_every_password_is_required_with_a_message_and_none_is_written_down() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert uses
        assert all(use.startswith(":?") and len(use) > 10 for use in uses)
    assert re.findall(r"://[^:@/\s]*:(?!\$\{)[^@/\s]+@", text) == []


def test_the_worker_is_one_process_and_both_programs_are_ours(services: dict[str, Any]) -> None:
    assert {"--pool=solo", "--concurrency=1", "--app=worker.main"} <= set(services["worker"]["command"])
    assert "app.main:serve" in services["api"]["command"]
    for service in ("api", "worker"):
        _python, option, module = services[service]["command"][:3]
        assert option == "-m"
        assert importlib.util.find_spec(module) is not None


def test_the_image_runs_as_nobody_special_with_pinned_packages_and_no_address() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert lines[0].startswith("#")
    assert "FROM python:3.12-slim" in lines
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["slotwise"]
    assert any("--constraint constraints.txt" in line for line in lines)
    assert not any("://" in line or "index-url" in line for line in lines)


def test_everything_that_the_image_copies_enters_the_build() -> None:
    copied = {
        source
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    }
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed
