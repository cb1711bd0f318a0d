"""The files that CapRover builds from, by its rules, and the Dockerfile by those of its builder."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from project import captain
from tests.environment import names_of_settings
from tests.services.run import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
#: One instruction a line, without comments.
INSTRUCTIONS = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.M)).split("\n")
#: What names the source of an image; CapRover takes exactly one of them.
SOURCES = {"templateId", "imageName", "dockerfilePath", "dockerfileLines"}
FINAL_STAGE = INSTRUCTIONS[max(i for i, one in enumerate(INSTRUCTIONS) if one.startswith("FROM")) :]


def definition(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((REPOSITORY / name).read_text())
    return read


def values(instruction: str, lines: list[str]) -> list[str]:
    return [line.partition(" ")[2] for line in lines if line.partition(" ")[0] == instruction]


@pytest.mark.parametrize("name", ["captain-definition", "captain-definition-worker.json"])
def test_a_captain_file_keeps_the_rules_of_caprover(name: str) -> None:
    read = definition(name)
    assert read["schemaVersion"] == 2
    assert len(SOURCES & read.keys()) == 1
    assert read.keys() <= {"schemaVersion", *SOURCES}
    assert ".." not in read.get("dockerfilePath", "")
    assert all(type(line) is str for line in read.get("dockerfileLines", []))


def test_both_captain_files_make_the_same_image_but_for_the_role() -> None:
    path = definition("captain-definition")["dockerfilePath"]
    app = (REPOSITORY / path).read_text().splitlines()
    worker = definition("captain-definition-worker.json")["dockerfileLines"]
    assert worker == [*app, "ENV PROCESS_ROLE=worker"]
    assert captain.main(["--check"]) == 0


def test_a_stale_captain_file_is_found(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(captain, "WORKER", tmp_path / "worker.json")
    assert captain.main(["--check"]) == 1
    assert "python3 -m project.captain" in capsys.readouterr().out
    assert captain.main([]) == captain.main(["--check"]) == 0
    (tmp_path / "worker.json").write_text("{}")
    assert captain.main(["--check"]) == 1
    assert captain.main(["--chek"]) == 2


def test_the_classic_builder_can_build_it() -> None:
    """CapRover asks its daemon without BuildKit (github.com/caprover/caprover/issues/1582)."""
    assert "<<" not in DOCKERFILE
    assert "# syntax" not in DOCKERFILE
    for instruction in INSTRUCTIONS:
        assert not re.search(
            r"--(mount|network|security|link|chmod|exclude|parents)\b", instruction
        )


def test_only_what_is_named_gets_into_the_image() -> None:
    sources = [word for line in values("COPY", INSTRUCTIONS) for word in line.split()[:-1]]
    own = [word for word in sources if word not in ("--from=build", "/app")]
    assert all((REPOSITORY / word).exists() for word in own)
    assert set(own).isdisjoint(
        {".", "./", ".git", ".env", ".env.example", "tests", "docs", "bench"}
    )
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == set(own)
    assert ignored.index("**/.env*") > max(i for i, one in enumerate(ignored) if one[:1] == "!")
    assert not values("ADD", INSTRUCTIONS)


def test_the_image_runs_as_nobody_else_by_number_and_without_a_shell() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", values("USER", FINAL_STAGE)[0])
    assert json.loads(values("CMD", FINAL_STAGE)[0]) == ["python", "-m", "project.start"]
    check = values("HEALTHCHECK", FINAL_STAGE)[0].partition("CMD ")[2]
    assert json.loads(check) == ["python", "-m", "project.health_check"]
    assert not values("ENTRYPOINT", FINAL_STAGE)


def test_no_secret_and_no_index_is_written_in_the_image() -> None:
    assert not values("ARG", FINAL_STAGE)
    assert not re.search("PIP_|SECRET|KEY|TOKEN|PASSWORD", " ".join(values("ENV", INSTRUCTIONS)))
    install = next(line for line in values("RUN", INSTRUCTIONS) if "pip" in line)
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install


def test_the_base_is_an_exact_version() -> None:
    base = values("ARG", INSTRUCTIONS)[0]
    assert re.fullmatch(r"BASE_IMAGE=python:3\.\d+\.\d+-slim-[a-z]+", base)
    assert values("FROM", INSTRUCTIONS) == ["${BASE_IMAGE} AS build", "${BASE_IMAGE}"]


TEMPLATE = REPOSITORY / "deploy" / "caprover" / "bau-mental.yml"
#: The keys that CapRover reads of a service, and those of its own.
SERVICE_KEYS = {
    *("image", "environment", "ports", "volumes", "depends_on", "hostname", "command", "cap_add"),
    "caproverExtra",
}
EXTRA_KEYS = {"containerHttpPort", "notExposeAsWebApp", "websocketSupport", "dockerfileLines"}
BUILT_IN = {"$$cap_appname", "$$cap_root_domain", "$$cap_gen_random_hex"}


def template() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text())
    return read


def test_the_one_click_template_keeps_the_rules_of_its_repository() -> None:
    """https://github.com/caprover/one-click-apps/blob/master/scripts/validate_apps.js"""
    read = template()
    assert read.keys() == {"captainVersion", "services", "caproverOneClickApp"}
    assert str(read["captainVersion"]) == "4"
    app = read["caproverOneClickApp"]
    assert app["displayName"]
    assert 0 < len(app["description"]) <= 200
    assert isinstance(app["isOfficial"], bool)
    assert app["instructions"]["start"]
    assert app["instructions"]["end"]
    for service in read["services"].values():
        assert service.keys() <= SERVICE_KEYS
        assert service["caproverExtra"].keys() <= EXTRA_KEYS
        assert not service["image"].endswith(":latest")
    for variable in app["variables"]:
        assert variable["id"].startswith("$$cap_")
        assert variable["label"]
        default = str(variable.get("defaultValue", ""))
        if "validRegex" in variable and default and "$$" not in default:
            assert re.search(variable["validRegex"].strip("/"), default)


def test_each_variable_of_the_template_is_declared_and_used() -> None:
    text = TEMPLATE.read_text()
    declared = {variable["id"] for variable in template()["caproverOneClickApp"]["variables"]}
    used = set(re.findall(r"\$\$cap_[a-z0-9_]+", text)) - BUILT_IN
    assert used == declared
    assert all(text.count(name) > 1 for name in declared)
    # Written twice it would make two values.
    assert "gen_random_hex" not in yaml.safe_dump(template()["services"])


def test_the_template_names_settings_that_are_there_and_locks_every_server() -> None:
    services = template()["services"]
    app = services["$$cap_appname"]
    assert set(app["environment"]) <= set(names_of_settings())
    assert app["caproverExtra"]["containerHttpPort"] == "8000"
    for name, service in services.items():
        exposed = service["caproverExtra"].get("notExposeAsWebApp") != "true"
        assert exposed == (name == "$$cap_appname")
        assert service["volumes"]
    assert "--requirepass $$cap_redis_password" in services["$$cap_appname-redis"]["command"]
    assert ":$$cap_postgres_password@" in app["environment"]["DATABASE_URL"]
