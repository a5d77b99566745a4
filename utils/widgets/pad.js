import { HELP, SIDE, drawOn } from "./pen.js"; // which Python writes in place of this line: a widget is one file

// The draw pad. The pixels live in the model; every view only paints them, so two views of one pad always agree.
const STYLE = `
  .digits-pad { display: flex; flex-wrap: wrap; gap: 16px; color: var(--jp-ui-font-color1, inherit); padding: 4px; }
  .digits-pad canvas { width: min(280px, 100%); aspect-ratio: 1; image-rendering: pixelated; touch-action: none;
    border: 2px solid #767676; cursor: crosshair; background: white; }
  .digits-pad canvas:focus-visible { outline: 3px solid var(--jp-brand-color1, #1976d2); outline-offset: 2px; }
  .digits-pad button { font: inherit; color: inherit; background: transparent; border: 1px solid #767676;
    border-radius: 3px; padding: 4px 14px; margin: 6px 6px 0 0; cursor: pointer; }
  .digits-pad ol { list-style: none; margin: 6px 0; padding: 0; width: 17em; }
  .digits-pad li { display: flex; gap: 8px; line-height: 1.45; }
  .digits-pad .bar { flex: 1; }
  .digits-pad .bar i { display: block; height: 100%; background: #0173b2; }
  .digits-pad .share { width: 3.5em; text-align: right; }
  .digits-pad .help { max-width: 280px; margin: 6px 0 0; font-size: 90%; }
  .digits-pad [role=alert] { border-left: 4px solid #b3261e; padding: 6px; flex-basis: 100%; margin: 0; }`;

function element(parent, tag, options = {}, text = "") {
  const made = Object.assign(document.createElement(tag), options);
  made.textContent = text;
  parent.append(made);
  return made;
}

export default () => {
  const earlier = []; // what the pad showed before each stroke, for Undo; the views share it

  function render({ model, el }) {
    el.classList.add("digits-pad");
    element(el, "style", {}, STYLE);
    const left = element(el, "div");
    const canvas = element(left, "canvas", { width: SIDE, height: SIDE, tabIndex: 0 });
    canvas.setAttribute("role", "application");
    canvas.dataset.lmSuppressShortcuts = "true"; // else JupyterLab takes the arrow keys for itself
    canvas.setAttribute("aria-label", "Draw a digit");
    canvas.setAttribute("aria-description", HELP);
    const buttons = element(left, "div");
    const undo = element(buttons, "button", { type: "button" }, "Undo");
    const clear = element(buttons, "button", { type: "button" }, "Clear");
    element(left, "p", { className: "help" }, HELP);
    const right = element(el, "div", { hidden: !model.get("prediction") });
    const title = element(right, "div", {}, "Prediction: ");
    const prediction = element(title, "output");
    prediction.setAttribute("aria-label", "Prediction");
    const bars = element(right, "ol", { ariaLabel: "Probability of each digit" });
    const fault = element(el, "p", { role: "alert" });
    const rows = [...Array(10).keys()].map((digit) => {
      const row = element(bars, "li");
      element(row, "span", {}, digit);
      return { bar: element(element(row, "span", { className: "bar" }), "i"), share: element(row, "span", { className: "share" }) };
    });

    // The browser's message is a view on more than the pixels.
    const read = () => Uint8Array.from(new Uint8Array(model.get("pixels").buffer, model.get("pixels").byteOffset, SIDE * SIDE));
    const write = (pixels) => {
      model.set("pixels", new DataView(pixels.buffer));
      model.save_changes();
    };
    const pad = drawOn(canvas, { read, write, earlier });
    undo.addEventListener("click", pad.undo);
    clear.addEventListener("click", pad.clear);

    const tell = () => {
      const probabilities = model.get("probabilities");
      rows.forEach(({ bar, share }, digit) => {
        bar.style.width = `${100 * (probabilities[digit] ?? 0)}%`;
        share.textContent = probabilities.length ? `${Math.round(100 * probabilities[digit])}%` : "";
      });
      prediction.textContent = model.get("prediction");
      right.hidden = !model.get("prediction");
      fault.textContent = model.get("fault");
      fault.hidden = !fault.textContent;
    };

    const told = ["change:probabilities", "change:prediction", "change:fault"];
    model.on("change:pixels", pad.show);
    told.forEach((event) => model.on(event, tell));
    tell();
    return () => {
      model.off("change:pixels", pad.show);
      told.forEach((event) => model.off(event, tell));
    };
  }

  return { render };
};
