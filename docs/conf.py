"""How Sphinx builds the website; `docs/build.py` prepares what it builds and tells it the public address."""

from pathlib import Path

STAGED = Path(__file__).parent / "_build" / "source"

project = "Reading handwritten digits"
copyright = "The authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_static"]
templates_path = ["templates"]

# Notebooks are shown as they were committed, and nothing runs.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # in the files of others, headings may skip a level

# Nothing comes from elsewhere, and pages work as files: a search that shows excerpts would fetch pages.
html_theme = "sphinx_book_theme"
html_title = project
html_favicon = str(STAGED / "_static" / "icon.svg")
html_static_path = [str(STAGED / "_static")]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_show_search_summary = False
html_copy_source = False
html_search_scorer = str(Path(__file__).parent / "static" / "scorer.js")
html_show_sphinx = False
mathjax_path = "mathjax.js"
mathjax3_config = {"options": {"enableMenu": False}}
html_context = {"default_mode": "auto"}
html_sidebars = {
    "**": [
        "navbar-logo.html",
        "icon-links.html",
        "search-button-field.html",
        "try.html",
        "sbt-sidebar-nav.html",
    ]
}
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # the search stands in the sidebar
    "show_toc_level": 2,
    "footer_content_items": ["copyright.html"],
    "toc_title": "On this page",
}

# The reference: docstrings are plain sentences with `code` in them.
default_role = "code"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"


def without_neighbors(app, page, template, context, doctree):
    """Take away "previous" and "next" outside the lessons: from an exercise they lead to another one."""
    if page != "index" and not page.startswith("notebooks/"):
        context["prev"] = context["next"] = None


def setup(app):
    app.connect("html-page-context", without_neighbors)
