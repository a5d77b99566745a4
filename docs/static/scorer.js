// What the search ranks first: the glossary and the lessons, then everything else. The other numbers are Sphinx's own.
var Scorer = {
  score: ([page, , , , score]) => score + (page === "glossary" ? 12 : page.startsWith("notebooks/") ? 10 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
