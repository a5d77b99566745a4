"""Check the rules that the image of the web app keeps. That it can be built and serves: tests/setup/test_image.py."""

import importlib.metadata
import json
import re
import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path

import httpx
import pytest
import yaml

from benchmarks.photos import photograph
from tests.apps.dockerfile import DOCKERFILE, LOCK, let_through, stages, values
from tests.imports import files_behind
from tests.lab import free_port, served
from tests.setup.environment import read_lock
from tests.tree import ROOT, newcomers_environment, repository_files
from utils import data


def test_every_stage_starts_from_a_small_image_with_a_digest():
    image = re.compile(r"(python:3\.\d+|node:\d+)-slim@sha256:[0-9a-f]{64}( AS \w+)?")
    for stage, steps in stages(DOCKERFILE).items():
        assert image.fullmatch(steps[0][1]), f"{stage}: {steps[0][1]}"


def test_no_package_of_the_page_runs_code_while_installed():
    settings = (ROOT / "apps" / "web" / "frontend" / ".npmrc").read_text().splitlines()
    assert "ignore-scripts=true" in settings


def test_the_server_is_started_by_a_user_without_rights():
    steps = [name for name, _ in stages(DOCKERFILE)["image"]]
    assert values("image", "USER") == ["65534:65534"]
    assert {"RUN", "COPY"}.isdisjoint(steps[steps.index("USER") :]), (
        "as USER, a step could not write"
    )


def test_commands_are_started_without_a_shell():
    """A shell would keep the signal to stop from the server."""
    assert json.loads(values("image", "CMD")[0]) == ["python", "-m", "apps.web"]
    assert json.loads(values("image", "HEALTHCHECK")[0].partition("CMD ")[2])[0] == "python"


def test_packages_are_installed_by_their_hashes():
    installs = [
        line for stage in stages(DOCKERFILE) for line in values(stage, "RUN") if " install " in line
    ]
    assert len(installs) == 1
    assert all(
        flag in installs[0]
        for flag in ("--require-hashes", "--no-cache-dir", "--only-binary :all:")
    )
    assert values("frontend", "RUN")[0] == "npm ci"


def copied(stage):
    """Return the files of the repository that a stage copies."""
    files = {path for path in repository_files() if let_through(path)}
    found = set()
    for value in values(stage, "COPY"):
        for source in [] if value.startswith("--from=") else value.split()[:-1]:
            new = {
                path
                for path in files
                if any(fnmatch(str(place), source) for place in (path, *path.parents))
            }
            assert new, f"COPY {source}: Dockerfile.dockerignore keeps it out, or there is none"
            found |= new
    return found


def test_the_build_sees_what_it_copies_and_no_more():
    files = {path for path in repository_files() if let_through(path)}
    assert files == set.union(*map(copied, stages(DOCKERFILE)))
    assert not let_through(Path("apps/web/dist/index.html")) and not let_through(
        Path("data/mnist.npz")
    )
    assert not let_through(
        Path("apps/web/frontend/node_modules/vue/package.json")
    ) and not let_through(Path(".git/config"))


def test_the_image_holds_just_what_the_server_imports():
    modules = {path for path in copied("image") if path.suffix == ".py"}
    assert modules == files_behind("apps.web.__main__")


def test_the_files_of_the_image_serve_a_digit(tmp_path):
    """No other file is there, and no package beyond those of apps/requirements.lock can be imported."""
    for path in copied("image"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, tmp_path / path)
    packages = importlib.metadata.packages_distributions()
    present = {
        name for name, owners in packages.items() if set(map(normal, owners)) & set(read_lock(LOCK))
    }
    code = f"""if True:
        import runpy, sys
        sys.modules.update(dict.fromkeys({sorted(packages.keys() - present - {"apps", "utils"})}))
        runpy.run_module("apps.web", run_name="__main__")
    """
    port = free_port()
    environment = newcomers_environment(PORT=str(port), MODEL="robust", PYTHONDONTWRITEBYTECODE="1")
    address, log = f"http://127.0.0.1:{port}", tmp_path / "log"
    digit = data.load_mnist("sample").x_test[0]
    with served([sys.executable, "-c", code], f"{address}/ready", log, tmp_path, environment, 60):
        answer = httpx.post(f"{address}/predict", files={"files": photograph(digit)}, timeout=30)
    assert answer.json()["predictions"][0]["digit"] == 5, answer.text


def normal(name):
    """Return the name of a package as a lock spells it."""
    return re.sub("[-_.]+", "-", name).lower()


def test_root_has_no_file_that_hides_the_course_from_binder():
    assert not [name for name in (".dockerignore", ".containerignore") if (ROOT / name).exists()]


def test_the_lock_has_the_versions_of_the_course_and_no_address():
    ours, course = (
        read_lock(LOCK),
        read_lock((ROOT / "requirements.lock").read_text(encoding="utf-8")),
    )
    other = {
        name: version for name, version in ours.items() if course.get(name, version) != version
    }
    assert not other, f"unlike requirements.lock: {other}; run `make lock`"
    assert not ours.keys() & {"tensorflow", "keras", "jupyterlab"}
    assert "://" not in LOCK
    entries = re.findall(r"^[\w-]+==.*(?:\n    --hash=sha256:\w{64}.*)+", LOCK, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^\w", LOCK, re.MULTILINE)) > 20, (
        "not each package has its hashes"
    )


def test_the_lock_answers_what_the_server_asks():
    wanted = (ROOT / "apps" / "requirements.in").read_text(encoding="utf-8").splitlines()
    names = {line.partition(";")[0] for line in wanted if not line.startswith("#")}
    assert names <= read_lock(LOCK).keys(), "run `make lock`"


@pytest.mark.parametrize(
    "path", ["README.md", "apps/Dockerfile", "notebooks/13_deploy_the_cnn.ipynb"]
)
def test_a_container_that_writes_nothing_has_a_folder_in_memory(path):
    # The server's processes find each other through a socket in a temporary folder: without one, they can't start.
    commands = re.findall("docker run .*--read-only.*", (ROOT / path).read_text("utf-8"))
    assert commands and all(" --tmpfs /tmp " in command for command in commands)


def test_compose_grants_little():
    service = yaml.safe_load((ROOT / "apps" / "compose.yaml").read_text(encoding="utf-8"))[
        "services"
    ]["digits"]
    assert service["read_only"] is True and service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (ROOT / "apps" / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).samefile(ROOT / "apps" / "Dockerfile")
    assert "healthcheck" in service and "mem_limit" in service
