"""Collect the course's terms: each stands in bold where a lesson defines it."""

import itertools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

BOLD = re.compile(r"\*\*([^*]+)\*\*")
AT_THE_END = re.compile(r"\*\*([^*]+)\*\*: (.+?)(?=\s\*\*|$)", re.DOTALL)
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`$*(])")
LEANS_BACK = re.compile(r"(That|This|These|It|Its|Here|Such|So|Then)\b")
CHOSEN = tomllib.loads(Path(__file__).with_name("terms.toml").read_text(encoding="utf-8"))
LABEL = re.compile(r"\d( |\d\d$)")  # such as a milestone's number, or a status
LONGEST = 4  # words: what is longer is a sentence that matters, and no term


@dataclass
class Term:
    """Hold a term, its name in the lesson where it first stands, and the sentence that defines it."""

    title: str
    name: str
    meaning: str
    lesson: str

    @property
    def anchor(self) -> str:
        return "term-" + re.sub(r"\W+", "-", self.title.lower()).strip("-")


def key(name: str) -> str:
    """Return what a term and its plural have in common."""
    return re.sub(r"(?<=[a-z]{3}[^s])s$", "", " ".join(name.lower().split()))


def title_of(name: str) -> str:
    """Return how a term is listed: in lower case, unless it begins with a name or an acronym."""
    chosen = {key(known): title for known, title in CHOSEN["titles"].items()}
    title = chosen.get(key(name), " ".join(name.split()))
    first = title.split()[0]
    is_name = first in CHOSEN["names"] or first[1:] != first[1:].lower()
    return title if is_name else title[0].lower() + title[1:]


def is_term(name: str) -> bool:
    """Tell whether bold text is a term, and not a label, such as "Predict first.", or a sentence."""
    words = " ".join(name.lower().split())
    is_label = words[-1] in ".:,?" or LABEL.match(words) or words in CHOSEN["not_terms"]
    return not is_label and len(words.split()) <= LONGEST


def collect(lessons: dict[str, list[str]]) -> list[Term]:
    """Return the terms of all lessons, {name: its Markdown cells}, in alphabetical order."""
    terms = {}
    for lesson, cells in lessons.items():
        for paragraph in re.split(r"\n\n|\n(?=[-|] ?)", "\n\n".join(cells)):
            at_the_end = dict(AT_THE_END.findall(paragraph)) if paragraph.startswith("**") else {}
            for name in filter(is_term, BOLD.findall(paragraph)):
                title = title_of(name)
                new = Term(title, " ".join(name.split()), meaning_in(paragraph, name), lesson)
                term = terms.setdefault(key(title), new)
                if name in at_the_end:
                    term.meaning = sentence(at_the_end[name])
    for name, meaning in CHOSEN["meanings"].items():
        if key(name) in terms:
            terms[key(name)].meaning = meaning
    return sorted(terms.values(), key=lambda term: term.title.lower().lstrip("$"))


def meaning_in(paragraph: str, name: str) -> str:
    """Return the sentence around a term, with the one before it where it starts with "That's" or the like."""
    sentences = SENTENCE.split(re.sub(r"^([-#>|]|\d\.)\s+", "", paragraph))
    place = next(n for n, it in enumerate(sentences) if f"**{name}**" in it)
    first = place - bool(place and LEANS_BACK.match(sentences[place]))
    return sentence(" ".join(sentences[first : place + 1]).rstrip(":"))


def sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[0].upper() + text[1:]


def with_anchors(source: str, terms: list[Term]) -> str:
    """Return a lesson's Markdown with a place to link to before each of its terms."""
    for term in terms:
        words = r"\s+".join(map(re.escape, term.name.split()))
        bold = re.search(rf"\*\*{words}\*\*", source)
        if bold and f'id="{term.anchor}"' not in source:
            source = (
                f'{source[: bold.start()]}<span id="{term.anchor}"></span>{source[bold.start() :]}'
            )
    return source


def page(terms: list[Term]) -> str:
    """Return the glossary as Markdown: links to its letters, and a definition list for each."""
    letters = {
        letter: list(some)
        for letter, some in itertools.groupby(terms, lambda it: letter_of(it.title))
    }
    links = " ".join(f'<a href="#letter-{it}">{it}</a>' for it in letters)
    lists = (
        f'<h2 id="letter-{letter}">{letter}</h2>\n\n' + "\n".join(map(entry, some))
        for letter, some in letters.items()
    )
    return "\n".join([f'<p class="letters">{links}</p>\n', *lists])


def letter_of(title: str) -> str:
    first = title.lstrip("$")[0].upper()
    return first if first.isalpha() else "0-9"


def entry(term: Term) -> str:
    link = f'<a href="notebooks/{term.lesson}.html#{term.anchor}">Lesson {term.lesson[:2]}</a>'
    return f"{term.title}\n: {term.meaning.replace('**', '')} {link}\n"
