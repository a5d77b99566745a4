"""Write the repository's address where learners need it: `python -m tests.setup.badges`.

The public address stands in one place, `[project.urls] Repository` in pyproject.toml. From there README's Binder and
Colab badges are written, with the address of the website, and the cell of each lesson that fetches the course in Colab.
The website takes it from there, too. While it is unset, there is no badge.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
START, END = "<!-- badges: written by `make badges` -->", "<!-- /badges -->"
FIRST_LESSON = "notebooks/00_start_here.ipynb"


def repository(pyproject):
    """Return "owner/name" from pyproject.toml's text, or None while no address is set."""
    address = tomllib.loads(pyproject)["project"].get("urls", {}).get("Repository")
    if address is None:
        return None
    match = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", address)
    if match is None:
        raise ValueError(
            f'expected Repository = "https://github.com/OWNER/NAME" in pyproject.toml, got {address!r}'
        )
    return match[1]


def launchers(name, lesson=FIRST_LESSON, branch="main"):
    """Return where a lesson runs in the browser, {"Binder": address, "Colab": address}."""
    return {
        "Binder": f"https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{lesson}",
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{branch}/{lesson}",
    }


def website(name):
    """Return the address at which GitHub Pages serves the website of a repository."""
    owner, _, project = name.partition("/")
    return f"https://{owner.lower()}.github.io/{project}/"


def badges(name, branch="main"):
    """Return the badges as Markdown lines; none without a repository's name."""
    if name is None:
        return ""
    binder, colab = launchers(name, branch=branch).values()
    return (
        f"[![Launch in Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})\n"
        f"[Read the course on its website]({website(name)})\n"
    )


def with_badges(readme, name):
    """Return README's text with the badges between their two markers."""
    head, start, rest = readme.partition(START)
    _, end, tail = rest.partition(END)
    if not (start and end):
        raise ValueError(
            f"README.md needs the lines {START} and {END}: the badges stand between them"
        )
    return f"{head}{START}\n{badges(name)}{END}{tail}"


def with_address(notebook, name):
    """Return a notebook's text with the address in its Colab cell, and all else as it was."""
    address = f"https://github.com/{name}" if name else ""
    return re.sub(
        r'(REPOSITORY = \\")[^"\\]*(\\")', lambda found: found[1] + address + found[2], notebook
    )


if __name__ == "__main__":
    name = repository((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    changes = [(ROOT / "README.md", with_badges)]
    changes += [(path, with_address) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    for path, change in changes:
        path.write_text(
            change(path.read_text(encoding="utf-8"), name), encoding="utf-8", newline="\n"
        )
    print(
        f"README.md: badges of {name} written"
        if name
        else "README.md: no address in pyproject.toml, no badge"
    )
