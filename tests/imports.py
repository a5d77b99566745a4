"""Read from the source which of the course's own modules import which."""

import ast

from tests.tree import ROOT, repository_files

OURS = "apps", "utils"


def module_name(path):
    """Return the dotted name of a file: utils/widgets/pad.py is utils.widgets.pad."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


SOURCES = {module_name(path): ROOT / path for path in repository_files() if path.suffix == ".py"}


def imports_of(source, known=SOURCES):
    """Return the course's own modules that a source text imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in names}
    return {name for name in found if name.split(".")[0] in OURS}


# What each of the course's own modules imports from the others, anywhere in it.
IMPORTS = {
    name: imports_of(path.read_text(encoding="utf-8"))
    for name, path in SOURCES.items()
    if name.split(".")[0] in OURS
}


def files_behind(name):
    """Return the paths of all files that importing a module may need, relative to the root."""
    found, to_do = set(), {name}
    while to_do:
        name = to_do.pop()
        found.add(name)
        packages = {name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)}
        to_do |= (IMPORTS[name] | packages) - found
    return {SOURCES[name].relative_to(ROOT) for name in found}
