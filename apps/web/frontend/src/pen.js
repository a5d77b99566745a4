// The paper and the pen: the same 28 x 28 pixels and the same stroke as the draw pad of the lessons.
export const SIDE = 28;
const RADIUS = 1.2; // of the pen, in pixels: MNIST's strokes are two to three pixels wide
const MARGIN = 2; // of paper around the drawing: by its edge the server tells paper from ink

export const blank = () => new Uint8Array(SIDE * SIDE);

// Ink in a pixel: all of it inside the pen, none outside, a share on its rim.
export function drawLine(pixels, from, to) {
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

// Paint gray levels (0 is black) on a canvas of as many pixels as there are levels.
export function paint(canvas, grays) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(SIDE, SIDE);
  grays.forEach((gray, index) => picture.data.set([gray, gray, gray, 255], 4 * index));
  context.putImageData(picture, 0, 0);
}

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
