// A confusion matrix whose cells are buttons. The Tab key leads to one of them, the arrow keys from there to the others.
const STYLE = `
  .digits-cells table { border-spacing: 2px; background: transparent; color: var(--jp-ui-font-color1, inherit); }
  .digits-cells caption { text-align: left; padding: 2px; }
  .digits-cells th[scope=row] { padding-right: 6px; }
  .digits-cells button { width: 3.6em; padding: 3px 0; font: inherit; color: inherit; border: 1px solid #767676;
    border-radius: 2px; cursor: pointer; }
  .digits-cells .none { color: var(--jp-ui-font-color2, #757575); border-color: transparent; }
  .digits-cells [aria-pressed=true] { border-color: currentcolor; box-shadow: inset 0 0 0 2px currentcolor; font-weight: bold; }
  .digits-cells button:focus-visible { outline: 3px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }`;
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function element(parent, tag, options = {}) {
  const made = Object.assign(document.createElement(tag), options);
  parent.append(made);
  return made;
}

export default {
  render({ model, el }) {
    const counts = model.get("counts");
    const most = Math.max(1, ...counts.flatMap((row, truth) => row.filter((_, answer) => answer !== truth)));
    el.classList.add("digits-cells");
    element(el, "style", { textContent: STYLE });
    const table = element(el, "table", { role: "grid", ariaLabel: "Confusion matrix" });
    const caption = "Row: true digit. Column: read as. Arrow keys move, Enter opens a cell.";
    element(table, "caption", { textContent: caption });
    const head = table.insertRow();
    head.insertCell();
    counts.forEach((_, answer) => element(head, "th", { scope: "col", textContent: answer }));
    const buttons = counts.map((row, truth) => {
      const line = table.insertRow();
      element(line, "th", { scope: "row", textContent: truth });
      return row.map((count, answer) => {
        const button = element(line.insertCell(), "button", { type: "button", textContent: count });
        const number = count === 0 ? "none" : count === 1 ? "1 digit" : `${count} digits`;
        button.ariaLabel = `true ${truth}, read as ${answer}: ${number}`;
        button.classList.toggle("none", count === 0);
        button.style.background = `rgb(1 115 178 / ${truth === answer ? 0 : (0.5 * count) / most})`;
        button.dataset.lmSuppressShortcuts = "true"; // else JupyterLab takes the arrow keys for itself
        button.addEventListener("focus", () => stopAt(button));
        button.addEventListener("click", () => {
          model.set("value", [truth, answer]);
          model.save_changes();
        });
        button.addEventListener("keydown", (event) => {
          if (!STEPS[event.key]) return;
          event.preventDefault();
          const [down, right] = STEPS[event.key];
          buttons[truth + down]?.[answer + right]?.focus();
        });
        return button;
      });
    });

    const stopAt = (stop) => buttons.flat().forEach((button) => { button.tabIndex = button === stop ? 0 : -1; });
    const update = () => {
      const [truth, answer] = model.get("value");
      buttons.flat().forEach((button) => { button.ariaPressed = button === buttons[truth][answer]; });
      stopAt(buttons[truth][answer]);
    };
    model.on("change:value", update);
    update();
    return () => model.off("change:value", update);
  },
};
