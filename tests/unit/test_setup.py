"""Hold together the files that describe the set-up: pyproject.toml, the locks, environment.yml, Makefile, README."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.setup.badges import badges, repository, with_address, with_badges
from tests.setup.environment import direct_dependencies, pip_pins, read_lock, with_pins
from tests.tree import repository_files

ROOT = Path(__file__).parents[2]
PYPROJECT, ENVIRONMENT, README = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("pyproject.toml", "environment.yml", "README.md")
)
LOCKS = {
    name: (ROOT / f"requirements{name}.lock").read_text(encoding="utf-8")
    for name in ("", "-test", "-gpu")
}
LOCK = LOCKS[""]
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}
MACS = {"sys_platform": "darwin", "platform_machine": "arm64"}
PYTHONS = [{"python_version": v, "python_full_version": f"{v}.0"} for v in ("3.11", "3.12", "3.13")]
TOGETHER = "run `make lock` and commit what it changes"


def conda_ranges():
    """Return {name: range} of what environment.yml asks of conda."""
    lines = [line for line in yaml.safe_load(ENVIRONMENT)["dependencies"] if isinstance(line, str)]
    return {
        name: SpecifierSet(allowed) for name, _, allowed in (line.partition(" ") for line in lines)
    }


@pytest.mark.parametrize("machine", [LINUX, MACS], ids=lambda machine: machine["sys_platform"])
@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: python["python_version"])
def test_the_locks_answer_all_that_pyproject_asks(python, machine):
    project = tomllib.loads(PYPROJECT)["project"]
    asked = {"": project["dependencies"]} | {
        f"-{name}": it for name, it in project["optional-dependencies"].items()
    }
    assert asked.keys() == LOCKS.keys()
    for name, lines in asked.items():
        pins = read_lock(LOCKS[name], python | machine)
        wanted = [Requirement(line) for line in lines]
        for it in [
            it for it in wanted if it.marker is None or it.marker.evaluate(python | machine)
        ]:
            found = pins.get(it.name, "none")
            assert found != "none" and found in it.specifier, (
                f"{it}: the lock has {found}; {TOGETHER}"
            )


@pytest.mark.parametrize("name", ["uv", "node"])
def test_the_tools_of_the_makefile_are_locked(name):
    lock = (ROOT / f"requirements-{name}.lock").read_text(encoding="utf-8")
    for line in tomllib.loads(PYPROJECT)["dependency-groups"][name]:
        it = Requirement(line)
        assert read_lock(lock, LINUX)[it.name] in it.specifier, TOGETHER
    assert "://" not in lock and lock.count("--hash=sha256:") > 10
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"--require-hashes -r requirements-{name}.lock" in makefile


@pytest.mark.parametrize("name", ["ci", "site"])
def test_the_workflows_on_github_may_only_read(name):
    workflow = (ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(workflow)
    assert jobs["permissions"] == {"contents": "read"}
    may = [job["permissions"] for job in jobs["jobs"].values() if "permissions" in job]
    assert may == ([{"pages": "write", "id-token": "write"}] if name == "site" else [])
    actions = re.findall(r"uses: (.+)", workflow)
    # A tag can be moved to other code, a commit can't.
    assert actions and all(re.fullmatch(r"\S+@[0-9a-f]{40} # v\S+", it) for it in actions)


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_the_lock_is_exact_and_without_addresses(lock):
    assert "://" not in lock, "an address stands in the lock; `make lock` writes none"
    entries = [line for line in lock.splitlines() if re.match(r"\w", line)]
    assert len(entries) > 50
    loose = [line for line in entries if not re.match(r"[\w.-]+==\S+ (; .+ )?\\$", line)]
    assert not loose, f"not an exact version followed by hashes: {loose}"


@pytest.mark.parametrize("machine", [LINUX, MACS], ids=lambda machine: machine["sys_platform"])
@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: python["python_version"])
def test_the_locks_agree(python, machine):
    lab, test, gpu = (read_lock(lock, python | machine) for lock in LOCKS.values())
    assert lab.items() <= test.items(), TOGETHER
    # With a graphics card, TensorFlow takes the place of its smaller twin, and CUDA comes too.
    brought = {name for name in gpu if name.startswith("nvidia-")}
    assert bool(brought) == (machine == LINUX)
    lab["tensorflow"] = lab.pop("tensorflow-cpu", lab.get("tensorflow"))
    assert {name: version for name, version in gpu.items() if name not in brought} == lab


def test_the_lab_brings_no_test_tools():
    tools = {
        "pytest",
        "nbval",
        "playwright",
        "kubernetes-validate",
        "schemathesis",
        "hypothesis",
        "ruff",
        "polars",
    }
    assert not tools & read_lock(LOCK, LINUX).keys()


def test_the_installed_packages_are_those_of_the_lock():
    pins = read_lock(LOCKS["-test"], {})
    if (
        "tensorflow-cpu" in pins
        and "tensorflow" in importlib.metadata.packages_distributions()["tensorflow"]
    ):
        pins["tensorflow"] = pins.pop("tensorflow-cpu")  # by `make lab GPU=1`
    installed = {name: importlib.metadata.version(name) for name in pins}
    assert installed == pins, (
        "run `make test`, which brings .venv in step with requirements-test.lock"
    )


def test_environment_yml_has_the_pins_of_the_lock():
    assert with_pins(ENVIRONMENT, pip_pins(PYPROJECT, LOCK)) == ENVIRONMENT, (
        "run `make environment`"
    )


def test_environment_yml_suits_binder():
    environment = yaml.safe_load(ENVIRONMENT)
    pins = environment["dependencies"][-1]["pip"]
    assert f"tensorflow-cpu=={read_lock(LOCK)['tensorflow-cpu']}" in pins
    assert not [line for line in pins if line.startswith("-")], (
        "an editable install here would disable Binder's cache"
    )
    ranges = conda_ranges()
    assert {"python", "pip", "jupyterlab", "notebook", "ipywidgets"} == set(ranges)
    for name in ("jupyterlab", "notebook", "ipywidgets"):
        assert read_lock(LOCK)[name] in ranges[name], (
            f"environment.yml wants {name} {ranges[name]}, unlike the lock"
        )
    assert tomllib.loads(PYPROJECT)["project"]["requires-python"] == ">=3.11,<3.14"
    assert "3.11.9" in ranges["python"]
    by_pip = {pin.split("==")[0] for pin in pins}
    assert set(direct_dependencies(PYPROJECT)) <= by_pip | set(ranges) | {"ipykernel"}


def test_binder_reads_environment_yml():
    """A binder/ folder or a Dockerfile in the root would make Binder ignore environment.yml."""
    assert not [
        name
        for name in ("binder", ".binder", "Dockerfile", "runtime.txt")
        if (ROOT / name).exists()
    ]
    assert (ROOT / "postBuild").stat().st_mode & 0o111, (
        "postBuild must be executable: chmod +x postBuild"
    )


def test_no_installed_package_brings_another_utils():
    owners = set(importlib.metadata.packages_distributions()["utils"])
    assert owners == {"reading-handwritten-digits"}, f"`import utils` is ambiguous: {owners}"


def test_only_lesson_14_needs_the_packages_of_the_clouds():
    """Colab installs them for that lesson alone, so nothing but these files may import them."""
    files = ("google", "amazon", "azure", "practice_services")
    ours = {f"apps/cloud/{name}.py" for name in files}
    tests = {"tests/unit/test_cloud.py", "tests/apps/test_practice_cloud.py"}
    brought = re.compile(r"^[\s\"]*(?:from|import) (?:google\.(?!colab)|boto|azure)", re.MULTILINE)
    paths = [path for path in repository_files() if path.suffix in (".py", ".ipynb")]
    users = {
        path.as_posix()
        for path in paths
        if brought.search((ROOT / path).read_text(encoding="utf-8"))
    }
    assert ours <= users <= ours | tests | {"notebooks/14_read_digits_in_the_cloud.ipynb"}


def test_utils_is_imported_from_this_tree(tmp_path):
    code = "import utils; print(utils.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()) == ROOT / "utils" / "__init__.py"


def test_utils_is_never_uploaded():
    assert "Private :: Do Not Upload" in tomllib.loads(PYPROJECT)["project"]["classifiers"]


def test_readme_has_the_badges_of_the_address():
    assert with_badges(README, repository(PYPROJECT)) == README, "run `make badges`"


def test_readme_setup_begins_with_a_clone_and_ends_in_the_lab():
    block = re.search(
        r"^## Quick start.*?^```bash\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE
    )[1]
    clone, folder, lab, test = [line.partition("#")[0].split() for line in block.splitlines()]
    assert clone[:2] == ["git", "clone"] and folder == ["cd", clone[-1]]
    assert (lab, test) == (["make", "lab"], ["make", "test"])


def test_each_lesson_fetches_the_course_from_the_address():
    lessons = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert lessons
    for path in lessons:
        text = path.read_text(encoding="utf-8")
        # A cell that nobody sees run here: its changed address must be found in every lesson.
        assert (
            with_address(text, "someone/digits").count("https://github.com/someone/digits") == 1
        ), path.name
        assert with_address(text, repository(PYPROJECT)) == text, f"{path.name}: run `make badges`"


def test_without_an_address_there_is_no_badge():
    assert repository('[project]\nname = "x"') is None
    assert badges(None) == ""


def test_with_an_address_both_badges_open_the_first_lesson():
    name = repository(
        '[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/someone/digits"'
    )
    readme = with_badges(
        "# Title\n<!-- badges: written by `make badges` -->\nold\n<!-- /badges -->\nText\n", name
    )
    assert (
        readme.count("someone/digits") == 2 and readme.count("notebooks/00_start_here.ipynb") == 2
    )
    assert "old" not in readme and readme.startswith("# Title\n") and readme.endswith("\nText\n")
    assert (ROOT / "notebooks/00_start_here.ipynb").exists()


def test_another_address_is_refused():
    with pytest.raises(ValueError, match="OWNER/NAME"):
        repository(
            '[project]\nname = "x"\n[project.urls]\nRepository = "https://example.org/digits"'
        )
