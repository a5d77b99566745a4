// A slider with its label and its number.
export default {
  render({ model, el }) {
    const label = document.createElement("label");
    const range = Object.assign(document.createElement("input"), { type: "range" });
    const number = document.createElement("span");
    range.id = label.htmlFor = `digits-${Math.random().toString(36).slice(2)}`;
    label.style.cssText = "flex: 0 0 82px; text-align: right";
    range.style.cssText = "flex: 0 1 280px; accent-color: var(--jp-brand-color1, #1976d2)";
    range.dataset.lmSuppressShortcuts = "true"; // else JupyterLab takes the arrow keys for itself
    number.setAttribute("aria-hidden", true); // the slider itself says its value
    const line = document.createElement("div");
    line.style.cssText = "display: flex; gap: 8px; align-items: center; margin: 2px; color: var(--jp-ui-font-color1, inherit)";
    line.append(label, range, number);
    el.append(line);

    const update = () => {
      for (const name of ["min", "max", "step"]) range[name] = model.get(name);
      range.value = model.get("value");
      label.textContent = model.get("description");
      number.textContent = model.get("value");
    };
    range.addEventListener("input", () => {
      model.set("value", range.valueAsNumber);
      model.save_changes();
    });
    model.on("change", update);
    update();
    return () => model.off("change", update);
  },
};
