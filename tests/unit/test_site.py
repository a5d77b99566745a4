"""What the website makes of notebooks, terms, and links, before Sphinx sees it."""

import base64
import tomllib

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from docs import glossary, notebooks, outputs, stage
from tests.setup.badges import website
from tests.setup.environment import read_lock
from tests.tree import ROOT
from utils.exercises.quiz import Quiz

PNG = base64.b64encode(b"a picture").decode()
ENTRIES = {
    "t1": {"hints": ["Look at `p`."]},
    "q1": {"hints": ["Double it."], "rubric": ["It doubles."]},
}


def pages_of(folder, *cells, binder="https://binder"):
    """Return the cells of a lesson's page below its head, as text: those of code as <in> and <out>."""
    lesson = new_notebook(cells=[new_markdown_cell("# A lesson"), *cells])
    head, note, *page = notebooks.lesson(lesson, ENTRIES, folder, binder)
    assert (head.source, note.source) == ("# A lesson", notebooks.NOTHING_RUNS)
    return as_parts(page), page


def as_parts(page):
    parts = []
    for cell in page:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts += ["<in>"] * ("remove-input" not in tags)
            parts += ["<out>"] * ("remove-output" not in tags) * len(cell.outputs)
    return parts


def prediction(*outputs):
    note = new_output("display_data", {"text/plain": "Predict first, then run this cell."})
    metadata = {"tags": ["hide-output"]}
    return new_code_cell("print(7)", outputs=[note, *outputs], metadata=metadata)


def test_prediction_is_folded_with_its_answer(tmp_path):
    seven = new_output("stream", text="7\n")
    after = new_markdown_cell("It's 7.\n\n## Next")
    parts, _ = pages_of(tmp_path, prediction(seven), after)
    assert parts == ["<in>", notebooks.ANSWER, "<out>", "It's 7.\n\n</details>", "## Next"]


@pytest.mark.parametrize("after", ["## Next", "**Predict first.** And now?", "<details>"])
def test_what_is_no_answer_stays_open(tmp_path, after):
    parts, _ = pages_of(tmp_path, prediction(), new_markdown_cell(after))
    assert parts == ["<in>", notebooks.ANSWER, "\n\n</details>", after]


def test_prediction_at_the_end_is_closed(tmp_path):
    parts, _ = pages_of(tmp_path, prediction())
    assert parts[-1] == "</details>"


def test_predictions_in_a_row_are_folded_each(tmp_path):
    parts, _ = pages_of(tmp_path, prediction(), prediction())
    assert "".join(parts).count("<details") == "".join(parts).count("</details>") == 2


def test_cell_for_colab_is_left_out(tmp_path):
    parts, _ = pages_of(tmp_path, new_code_cell("fetch()", metadata={"tags": ["colab"]}))
    assert parts == []


def test_turn_shows_its_hints(tmp_path):
    note = new_output("display_data", {"text/plain": "◌ not attempted: Replace the `...`."})
    cell = new_code_cell("def f(): ...\n\nf = t1.check(f)", outputs=[note])
    parts, _ = pages_of(tmp_path, cell)
    assert parts == ["<in>", notebooks.fold("Hint 1", "Look at `p`.")]


def test_quiz_takes_the_place_of_its_cell(tmp_path):
    alone, after_code = 'ask("learn_by_gradient", 1)', 'import x\n\nask("learn_by_gradient", 2)'
    parts, _ = pages_of(tmp_path, new_code_cell(alone), new_code_cell(after_code))
    assert parts[1] == "<in>"
    assert parts[0].startswith('<form class="quiz" data-key="learn_by_gradient/1/')
    assert parts[2].startswith('<form class="quiz" data-key="learn_by_gradient/2/')


def test_picture_keeps_its_description_and_size(tmp_path):
    about = {"image/png": {"alt": 'A "7" & a <1>', "width": 20, "height": 10}}
    data = {"image/png": PNG, "text/plain": "Digit browser: run this cell to use it."}
    output = new_output("display_data", data, metadata=about)
    _, [cell] = pages_of(tmp_path, new_code_cell("show()", outputs=[output], id="pad"))
    shown = cell.outputs[0].data["text/html"]
    assert 'alt="A &quot;7&quot; &amp; a &lt;1&gt;" width="20" height="10"' in shown
    assert 'href="../run.html"' in shown and 'href="https://binder"' in shown
    assert (tmp_path / "pad-0.png").read_bytes() == b"a picture"


@pytest.mark.parametrize(
    ("explorer", "page"), [("Draw pad", "../try/"), ("Descent explorer", "../train/"), ("Any", "")]
)
def test_still_says_how_to_use_it(tmp_path, explorer, page):
    data = {"image/png": PNG, "text/plain": f"{explorer}: run this cell to use it."}
    cell = new_code_cell("show()", outputs=[new_output("display_data", data)])
    _, [cell] = pages_of(tmp_path, cell, binder=None)
    shown = cell.outputs[0].data["text/html"]
    assert page in shown and "Binder" not in shown and 'href="../run.html"' in shown


def test_output_about_this_machine_is_left_out(tmp_path):
    mine = new_output("stream", text="[ OK ] Python\n")
    parts, _ = pages_of(tmp_path, new_code_cell("ready = check_environment()", outputs=[mine]))
    assert parts == ["<in>", notebooks.INSTEAD["check_environment()"]]


def test_plot_cannot_end_its_script():
    plot = {"data": [{"text": "</script>"}], "layout": {"title": {"text": "a < b"}}}
    shown = notebooks.interactive(plot, "plot-1")
    assert "<\\/script>" in shown and 'aria-label="a &lt; b"' in shown


def test_quiz_is_escaped():
    quiz = Quiz("x", 1, "Is `a < b`?", 'Say "<yes>".', "`a` & *b*", {"No": '"No" is wrong'})
    form = notebooks.form(quiz)
    assert "Is <code>a &lt; b</code>?" in form
    assert 'Say "&lt;yes&gt;".' in form
    assert 'data-reason="&lt;code&gt;a&lt;/code&gt; &amp;amp; &lt;em&gt;b&lt;/em&gt;"' in form
    assert form.count('data-right="1"') == form.count('data-right="0"') == 1


def test_solution_is_folded_below_its_task():
    source = "### BEGIN SOLUTION\ny = 2 * x\n### END SOLUTION\n\nq1.check(y)"
    solution = new_notebook(cells=[new_markdown_cell("Double x."), new_code_cell(source)])
    text, task, hint, answer = notebooks.exercise(solution, ENTRIES, {}, None)
    assert (text.source, task.source) == ("Double x.", "y = ...  # your answer\n\nq1.check(y)")
    assert hint.source == notebooks.fold("Hint 1", "Double it.")
    expected = "```python\ny = 2 * x\n```\n\nA good answer says:\n\n- It doubles."
    assert answer.source == notebooks.fold("Solution", expected)


def test_recorded_outputs_below_a_solution_are_folded():
    solved = new_code_cell("### BEGIN SOLUTION\ny = 2\n### END SOLUTION\n\nq1.check(y)")
    one, two, three = (new_code_cell(f"print({n})", id=f"cell-{n}") for n in (1, 2, 3))
    head = new_markdown_cell("## 2. Next")
    printed = [new_output("stream", text="x\n")]
    records = {
        it.id: {"mark": notebooks.mark(it.source), "outputs": printed} for it in (one, two, three)
    }
    cells = [one, solved, two, head, three]
    parts = as_parts(notebooks.exercise(new_notebook(cells=cells), ENTRIES, records, None))
    assert parts[:2] == ["<in>", "<out>"]
    assert parts[-7:] == [
        "<in>",
        notebooks.ANSWER,
        "<out>",
        "</details>",
        head.source,
        "<in>",
        "<out>",
    ]
    one.source = "print(4)"
    assert as_parts(notebooks.exercise(new_notebook(cells=[one]), ENTRIES, records, None)) == [
        "<in>"
    ]


def test_exercise_on_the_site_says_nothing_about_running_it():
    text = "Six questions. Replace each `...` with\nyour answer and run the cell. The check tells you.\n\n- a\n- b"
    assert notebooks.without_running(text) == "Six questions.\n\n- a\n- b"


def test_recorded_outputs_fit_the_solutions():
    for stem, solution in stage.read("solutions").items():
        marks = {it.id: notebooks.mark(it.source) for it in solution.cells}
        records = outputs.recorded(stem)
        stale = [name for name, record in records.items() if marks.get(name) != record["mark"]]
        assert not stale, f"run: python -m docs.outputs {stem[:2]}"
        for record in records.values():
            assert not any("Traceback" in str(it) for it in record["outputs"])
    assert sum(path.stat().st_size for path in outputs.RECORDED.iterdir()) < 1.5e6


def test_links_lead_to_pages_or_to_the_repository():
    text = "[two](02_b.ipynb), [data](../data/README.md#top), [code](../utils/x.py), ![](../a.png)"
    pages = {"notebooks/02_b.ipynb", "data/README.md"}
    without = stage.relink(text, "notebooks", pages, None)
    assert without == text.replace("[code](../utils/x.py)", "code")
    address = "https://github.com/someone/digits"
    found = stage.relink(text, "notebooks", pages, address)
    assert f"[code]({address}/blob/main/utils/x.py)" in found


def test_terms_are_collected_with_their_sentences():
    first = (
        "**Predict first.** Why? A **flub** is a mistake. It's slow. That's called **drag**.\n\n- x"
    )
    last = "**Flub**: a small\nmistake. **Drag**: slowness."
    terms = glossary.collect(
        {"01_a": [first, "A list of **flubs**."], "02_b": ["**Drag** is bad."]}
    )
    assert [(term.title, term.lesson) for term in terms] == [("drag", "01_a"), ("flub", "01_a")]
    assert terms[0].meaning == "It's slow. That's called **drag**."
    assert terms[1].meaning == "A **flub** is a mistake."
    terms = glossary.collect({"01_a": [first, last]})
    assert [term.meaning for term in terms] == ["Slowness.", "A small mistake."]
    anchored = glossary.with_anchors(first, terms)
    assert '<span id="term-flub"></span>**flub**' in anchored
    assert '<a href="notebooks/01_a.html#term-flub">Lesson 01</a>' in glossary.page(terms)


def test_terms_are_listed_under_their_titles():
    assert [glossary.title_of(it) for it in ("Folds", "Label\nsmoothing", "Adam", "SGD", "ReLU")] == [
        "fold", "label smoothing", "Adam", "stochastic gradient descent (SGD)", "ReLU"
    ]  # fmt: skip
    assert [glossary.letter_of(it) for it in ("$k$-fold", "95% interval")] == ["K", "0-9"]


def test_chosen_meanings_are_those_of_terms():
    lessons = {
        stem: [it.source for it in lesson.cells if it.cell_type == "markdown"]
        for stem, lesson in stage.read("notebooks").items()
    }
    titles = {glossary.key(it.title) for it in glossary.collect(lessons)}
    assert {glossary.key(name) for name in glossary.CHOSEN["meanings"]} <= titles


def test_command_line_is_shown_with_every_subcommand():
    text = stage.command_line()
    for name in ("train", "evaluate", "predict", "draw", "export", "report", "submit", "scale"):
        assert f"## `digits {name}`" in text
    assert "[bold]" not in text and "...\n" not in text.partition("## ")[0].partition("**Comm")[2]


def test_website_has_the_address_of_the_repository():
    assert website("Someone/digits") == "https://someone.github.io/digits/"


def test_site_lock_agrees_with_the_other_locks():
    locks = {
        name: (ROOT / f"requirements{name}.lock").read_text(encoding="utf-8")
        for name in ("-site", "-test")
    }
    assert "://" not in locks["-site"]
    for version in ("3.11", "3.12", "3.13"):
        python = {"python_version": version, "python_full_version": f"{version}.0"}
        site, test = (read_lock(lock, python) for lock in locks.values())
        assert {"sphinx", "myst-nb", "sphinx-book-theme"} <= site.keys()
        assert {name: test[name] for name in site if name in test} == {
            name: site[name] for name in site if name in test
        }
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert asked["dependency-groups"]["site"]
