// The draw pad. The pixels live in the model; every view only paints them, so two views of one pad always agree.
const SIDE = 28;
const RADIUS = 1.2; // of the pen, in pixels: MNIST's strokes are two to three pixels wide
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

// Ink in a pixel: all of it inside the pen, none outside, a share on its rim.
function drawLine(pixels, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy || 1;
  for (let index = 0; index < SIDE * SIDE; index++) {
    const [x, y] = [(index % SIDE) - from.x, Math.floor(index / SIDE) - from.y];
    const along = Math.min(1, Math.max(0, (x * dx + y * dy) / length));
    const distance = Math.hypot(x - along * dx, y - along * dy);
    const ink = 255 * Math.min(1, Math.max(0, RADIUS + 0.5 - distance));
    pixels[index] = Math.max(pixels[index], ink);
  }
}

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
    const help = "Draw with mouse or finger. By keyboard: arrow keys move the pen, the space bar lowers or lifts it.";
    canvas.setAttribute("aria-description", help);
    const buttons = element(left, "div");
    const undo = element(buttons, "button", { type: "button" }, "Undo");
    const clear = element(buttons, "button", { type: "button" }, "Clear");
    element(left, "p", { className: "help" }, help);
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

    let pen = null; // where the pen touches the paper
    let cursor = null; // where the arrow keys have taken it

    const read = () => Uint8Array.from(new Uint8Array(model.get("pixels").buffer, model.get("pixels").byteOffset, SIDE * SIDE));
    const write = (pixels) => {
      model.set("pixels", new DataView(pixels.buffer));
      model.save_changes();
    };
    const remember = () => earlier.push(read());
    const line = (from, to) => {
      const pixels = read();
      drawLine(pixels, from, to);
      write(pixels);
    };

    const paint = () => {
      const context = canvas.getContext("2d");
      const picture = context.createImageData(SIDE, SIDE);
      read().forEach((ink, index) => picture.data.set([255 - ink, 255 - ink, 255 - ink, 255], 4 * index));
      context.putImageData(picture, 0, 0);
      if (cursor) {
        context.fillStyle = pen ? "#d55e00" : "#0173b2";
        context.fillRect(cursor.x, cursor.y, 1, 1);
      }
    };
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

    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      const border = canvas.clientLeft;
      return {
        x: ((event.clientX - box.left - border) / canvas.clientWidth) * SIDE - 0.5,
        y: ((event.clientY - box.top - border) / canvas.clientHeight) * SIDE - 0.5,
      };
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return; // only the main one draws
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      event.preventDefault();
      cursor = null;
      remember();
      pen = place(event);
      line(pen, pen);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!pen || cursor) return;
      const next = place(event);
      line(pen, next);
      pen = next;
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { if (!cursor) pen = null; });

    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    canvas.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (!step && event.key !== " ") return;
      event.preventDefault();
      cursor ??= { x: SIDE / 2, y: SIDE / 4 };
      if (step) {
        const inside = (value) => Math.min(SIDE - 1, Math.max(0, value));
        const next = { x: inside(cursor.x + step[0]), y: inside(cursor.y + step[1]) };
        if (pen) line(cursor, next);
        cursor = next;
      } else if (pen) {
        pen = null;
      } else {
        remember();
        pen = cursor;
        line(cursor, cursor);
      }
      paint();
    });
    canvas.addEventListener("blur", () => {
      cursor = pen = null;
      paint();
    });

    undo.addEventListener("click", () => write(earlier.pop() ?? read()));
    clear.addEventListener("click", () => {
      remember();
      write(new Uint8Array(SIDE * SIDE));
    });
    const told = ["change:probabilities", "change:prediction", "change:fault"];
    model.on("change:pixels", paint);
    told.forEach((event) => model.on(event, tell));
    paint();
    tell();
    return () => {
      model.off("change:pixels", paint);
      told.forEach((event) => model.off(event, tell));
    };
  }

  return { render };
};
