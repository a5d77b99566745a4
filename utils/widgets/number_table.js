// A table of number fields. What is no number is marked, and not sent.
export default {
  render({ model, el }) {
    const table = document.createElement("table");
    table.style.cssText = "margin: 4px 0 4px 88px; border-spacing: 2px; background: transparent";
    el.append(table);

    const send = (row, column, field) => {
      field.setAttribute("aria-invalid", !Number.isFinite(field.valueAsNumber));
      if (!Number.isFinite(field.valueAsNumber)) return;
      const rows = model.get("value").map((numbers) => [...numbers]);
      rows[row][column] = field.valueAsNumber;
      model.set("value", rows);
      model.save_changes();
    };
    const build = (rows) => {
      table.replaceChildren();
      rows.forEach((numbers, row) => {
        const line = table.insertRow();
        numbers.forEach((_, column) => {
          const field = Object.assign(document.createElement("input"), { type: "number", step: "any" });
          field.setAttribute("aria-label", `Row ${row + 1}, column ${column + 1}`);
          field.style.cssText = "width: 4.5em; font: inherit";
          field.addEventListener("input", () => send(row, column, field));
          line.insertCell().append(field);
        });
      });
    };
    const update = () => {
      const rows = model.get("value");
      if (table.rows.length !== rows.length) build(rows);
      [...table.querySelectorAll("input")].forEach((field, index) => {
        const number = rows[Math.floor(index / rows.length)][index % rows.length];
        if (field.valueAsNumber !== number && field !== field.getRootNode().activeElement) field.value = number;
      });
    };
    model.on("change:value", update);
    update();
    return () => model.off("change:value", update);
  },
};
