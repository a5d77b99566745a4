// A list to choose from, with its label.
export default {
  render({ model, el }) {
    const line = document.createElement("div");
    const label = document.createElement("label");
    const list = document.createElement("select");
    list.id = label.htmlFor = `digits-${Math.random().toString(36).slice(2)}`;
    list.dataset.lmSuppressShortcuts = "true"; // else JupyterLab takes the arrow keys for itself
    line.style.cssText = "display: flex; gap: 8px; align-items: center; margin: 2px; color: var(--jp-ui-font-color1, inherit)";
    label.style.cssText = "flex: 0 0 82px; text-align: right";
    list.style.cssText = "font: inherit; padding: 2px";
    line.append(label, list);
    el.append(line);

    const update = () => {
      list.replaceChildren(...model.get("options").map((name) => new Option(name)));
      list.value = model.get("value");
      label.textContent = model.get("description");
    };
    list.addEventListener("change", () => {
      model.set("value", list.value);
      model.save_changes();
    });
    model.on("change", update);
    update();
    return () => model.off("change", update);
  },
};
