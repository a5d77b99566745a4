// A picture with its text, a remark that screen readers announce, and the fault that stands where no picture could be made.
export default {
  render({ model, el }) {
    const image = document.createElement("img");
    const remark = document.createElement("p");
    const fault = document.createElement("p");
    image.style.cssText = "max-width: 100%; background: white";
    remark.setAttribute("role", "status");
    fault.setAttribute("role", "alert");
    remark.style.cssText = "margin: 4px; white-space: pre-wrap; color: var(--jp-ui-font-color1, inherit)";
    fault.style.cssText = "margin: 4px; padding: 6px; border-left: 4px solid #b3261e; color: var(--jp-ui-font-color1, inherit)";
    el.append(image, remark, fault);

    const paint = () => {
      URL.revokeObjectURL(image.src);
      image.src = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    };
    const update = () => {
      image.alt = model.get("alt");
      remark.textContent = model.get("remark");
      fault.textContent = model.get("fault");
      image.hidden = remark.hidden = fault.textContent !== "";
      fault.hidden = fault.textContent === "";
    };
    model.on("change:png", paint);
    model.on("change", update);
    paint();
    update();
    return () => {
      URL.revokeObjectURL(image.src);
      model.off("change:png", paint);
      model.off("change", update);
    };
  },
};
