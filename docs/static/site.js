// Quizzes: choose an answer, say how confident you are, hear why. What you chose stays in this browser.
(() => {
  "use strict";
  const PLACE = "digits-quizzes";
  const WORDS = { 0.25: "guessing", 0.5: "leaning", 0.75: "fairly sure", 0.95: "certain" };
  let answers = {};

  // Some browsers keep nothing for pages that are opened as files; then answers last as long as the page.
  function load() {
    try {
      return JSON.parse(localStorage.getItem(PLACE)) ?? {};
    } catch {
      return {};
    }
  }

  function store() {
    try {
      localStorage.setItem(PLACE, JSON.stringify(answers));
    } catch {}
  }

  function say(form, choice) {
    const isRight = choice.dataset.right === "1";
    const sign = `<b class="${isRight ? "right" : "wrong"}">${isRight ? "✓ Right." : "✗ No."}</b>`;
    const again = isRight ? "" : " Try again if you like. Only your first answer counts.";
    form.querySelector(".verdict").innerHTML = `${sign} ${choice.dataset.reason}${again}`;
    return isRight;
  }

  function judge(form) {
    const choice = form.querySelector("[name=answer]:checked");
    const confidence = form.querySelector("[name=confidence]:checked");
    if (!choice || !confidence) {
      form.querySelector(".verdict").textContent = `Choose ${choice ? "how confident you are" : "an answer"} first.`;
      return;
    }
    const isRight = say(form, choice);
    // As in JupyterLab, only the first guess counts.
    const first = answers[form.dataset.key]?.first ?? { isRight, confidence: confidence.value };
    answers[form.dataset.key] = { choice: choice.value, confidence: confidence.value, first };
    store();
  }

  function restore(form) {
    const kept = answers[form.dataset.key];
    if (!kept) return;
    const choice = form.querySelector(`[name=answer][value="${kept.choice}"]`);
    choice.checked = true;
    form.querySelector(`[name=confidence][value="${kept.confidence}"]`).checked = true;
    say(form, choice);
  }

  // The page of all quizzes says how many are answered, and whether confidence was deserved.
  function summarize() {
    for (const count of document.querySelectorAll("[data-quizzes]")) {
      const keys = count.dataset.quizzes.split(" ");
      count.textContent = `${keys.filter((key) => answers[key]).length} of ${keys.length} answered`;
    }
    const firsts = Object.values(answers).map(({ first }) => first);
    const lines = Object.entries(WORDS).map(([value, word]) => {
      const mine = firsts.filter(({ confidence }) => confidence === value);
      const right = mine.filter(({ isRight }) => isRight).length;
      return mine.length ? `When you were ${word}, you got ${right} of ${mine.length} right.` : "";
    });
    const text = lines.filter(Boolean).join("\n") || "You haven’t answered one yet.";
    document.getElementById("calibration").innerText = text;
    forget.disabled = !firsts.length;
  }

  const forms = [...document.querySelectorAll("form.quiz")];
  const forget = document.getElementById("forget-quizzes");

  function show() {
    answers = load();
    forms.forEach(restore);
    if (forget) summarize();
  }

  show();
  // A page in another tab kept an answer.
  addEventListener("storage", ({ key }) => {
    if (key === PLACE) show();
  });
  for (const form of forms) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      judge(form);
    });
  }
  forget?.addEventListener("click", () => {
    answers = {};
    store();
    summarize();
  });
})();

// What the theme leaves out for keyboards and screen readers.
for (const summary of document.querySelectorAll(".bd-sidebar summary")) {
  summary.setAttribute("aria-label", `Pages on ${summary.closest("li").querySelector("a").textContent}`);
}
addEventListener("load", () => {
  window.MathJax?.startup.promise.then(() => {
    for (const formula of document.querySelectorAll("mjx-container[display]")) {
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0; // so that arrow keys move it
    }
  });
});

// Short code, and a formula with the mark after it, stay on one line.
for (const code of document.querySelectorAll("article code")) code.classList.toggle("short", code.textContent.length <= 20);
for (const formula of document.querySelectorAll("article span.math")) {
  const [mark] = /^[.,;:!?)]+/.exec(formula.nextSibling?.data ?? "") ?? [];
  if (!mark) continue;
  formula.nextSibling.splitText(mark.length);
  const together = Object.assign(document.createElement("span"), { className: "together" });
  formula.before(together);
  together.append(formula, together.nextSibling);
}
