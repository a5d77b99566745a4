// Quizzes: choose an answer, say how confident you are, hear why. What you chose stays in this browser.
(() => {
  "use strict";
  const PLACE = "digits-quizzes";
  const WORDS = { 0.25: "guessing", 0.5: "leaning", 0.75: "fairly sure", 0.95: "certain" };

  // Some browsers keep nothing for pages that are opened as files; then answers last as long as the page.
  let answers = {};
  try {
    answers = JSON.parse(localStorage.getItem(PLACE)) ?? {};
  } catch {}

  function store() {
    try {
      localStorage.setItem(PLACE, JSON.stringify(answers));
    } catch {}
  }

  function show(form, choice) {
    const isRight = choice.dataset.right === "1";
    const sign = Object.assign(document.createElement("span"), { textContent: isRight ? "✓ Right." : "✗ No." });
    sign.className = isRight ? "right" : "wrong";
    const reason = document.createElement("span");
    reason.innerHTML = ` ${choice.dataset.reason}`;
    form.querySelector(".verdict").replaceChildren(sign, reason);
  }

  function respond(form) {
    const choice = form.querySelector("[name=answer]:checked");
    const confidence = form.querySelector("[name=confidence]:checked");
    if (!choice || !confidence) {
      const missing = choice ? "how confident you are" : "an answer";
      form.querySelector(".verdict").textContent = `Choose ${missing} first.`;
      return;
    }
    const isRight = choice.dataset.right === "1";
    // As in JupyterLab, only the first guess counts.
    const first = answers[form.dataset.key]?.first ?? { isRight, confidence: confidence.value };
    answers[form.dataset.key] = { choice: choice.value, confidence: confidence.value, first };
    store();
    show(form, choice);
  }

  function restore(form) {
    const kept = answers[form.dataset.key];
    const choice = kept && form.querySelector(`[name=answer][value="${kept.choice}"]`);
    if (!choice) return;
    choice.checked = true;
    form.querySelector(`[name=confidence][value="${kept.confidence}"]`).checked = true;
    show(form, choice);
  }

  // The page of all quizzes: what is answered, and whether confidence was deserved.
  function summarize() {
    const firsts = Object.entries(answers).map(([key, { first }]) => ({ lesson: key.split("/")[0], ...first }));
    for (const place of document.querySelectorAll("[data-lesson]")) {
      const mine = firsts.filter(({ lesson }) => lesson === place.dataset.lesson);
      const right = mine.filter(({ isRight }) => isRight).length;
      place.textContent = `${mine.length} of ${place.dataset.count}` + (mine.length ? `, ${right} right at once` : "");
    }
    const lines = Object.entries(WORDS).map(([value, word]) => {
      const mine = firsts.filter(({ confidence }) => confidence === value);
      const right = mine.filter(({ isRight }) => isRight).length;
      return mine.length ? `When you were ${word}, you got ${right} of ${mine.length} right.` : "";
    });
    document.getElementById("calibration").innerText = lines.filter(Boolean).join("\n");
    document.getElementById("forget-quizzes").hidden = !firsts.length;
  }

  for (const form of document.querySelectorAll("form.quiz")) {
    restore(form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      respond(form);
    });
  }
  const forget = document.getElementById("forget-quizzes");
  forget?.addEventListener("click", () => {
    answers = {};
    store();
    summarize();
  });
  if (forget) summarize();
})();
