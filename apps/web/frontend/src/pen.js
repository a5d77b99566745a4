import { SIDE, paint } from "../../../../utils/widgets/pen.js";

export * from "../../../../utils/widgets/pen.js"; // the pad of the lessons

const MARGIN = 2; // of paper around the drawing: by its edge the server tells paper from ink

// Return the drawing as the file of a picture, dark ink on white paper; of an empty sheet, null.
export async function toPng(pixels) {
  if (!pixels.some(Boolean)) return null;
  const drawing = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  paint(drawing, pixels.map((ink) => 255 - ink));
  const sheet = Object.assign(document.createElement("canvas"), { width: SIDE + 2 * MARGIN, height: SIDE + 2 * MARGIN });
  const context = sheet.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.drawImage(drawing, MARGIN, MARGIN);
  const content = await new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
  return new File([content], "drawing.png", { type: "image/png" });
}
