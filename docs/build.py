"""Build the website into docs/_build/html: `make site`. It needs no network, and no notebook runs."""

import shutil

from sphinx.application import Sphinx

from docs.stage import DOCS, ROOT, STAGED, stage
from tests.setup.badges import repository, website

BUILT = STAGED.with_name("html")


def main() -> None:
    """Stage the pages, build them, and add those that read digits and train a network."""
    name = repository((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    stage(name)
    shutil.rmtree(BUILT, ignore_errors=True)
    settings = {}
    if name:
        settings["html_baseurl"] = website(name)
        settings["html_theme_options.repository_url"] = f"https://github.com/{name}"
        settings["html_theme_options.use_repository_button"] = "1"
    options = {"status": None, "freshenv": True, "warningiserror": True}
    sphinx = Sphinx(STAGED, DOCS, BUILT, STAGED.with_name("doctrees"), "html", settings, **options)
    sphinx.build()
    for name in ("try", "train"):
        without = shutil.ignore_patterns("*.py", "__pycache__")
        shutil.copytree(DOCS / name, BUILT / name, ignore=without)
    print(f"The website is built. Open {BUILT / 'index.html'}")
    raise SystemExit(sphinx.statuscode)


if __name__ == "__main__":
    main()
