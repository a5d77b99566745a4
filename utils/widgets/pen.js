// The sheet and the pen on which digits are drawn: in the lessons, in the web app, and on the website.
export const SIDE = 28;
export const HELP = "Draw with mouse or finger. By keyboard: arrow keys move the pen, the space bar lowers or lifts it.";
const RADIUS = 1.2; // of the pen, in pixels: MNIST's strokes are two to three pixels wide
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

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
  const picture = context.createImageData(canvas.width, canvas.height);
  picture.data.fill(255);
  for (let part = 0; part < 3; part++) grays.forEach((gray, index) => { picture.data[4 * index + part] = gray; });
  context.putImageData(picture, 0, 0);
}

// Let mouse, finger, pen, or keys draw on a canvas of 28 x 28 pixels. The drawing, 0 for paper and 255 for ink, stays with
// the owner: `read` returns it, and `write` takes the next one. `earlier` keeps those before each stroke, for Undo. `begin`
// is called before a stroke, and `moved` with where the arrow keys have taken the pen, or with null.
export function drawOn(canvas, { read, write, earlier = [], begin = () => {}, moved = () => {} }) {
  let last = null; // where mouse or finger were
  let cursor = null; // where the arrow keys have taken the pen
  let isDown = false; // that pen

  function show() {
    paint(canvas, read().map((ink) => 255 - ink));
    if (!cursor) return;
    const context = canvas.getContext("2d");
    context.fillStyle = isDown ? "#d55e00" : "#0173b2";
    context.fillRect(cursor.x, cursor.y, 1, 1);
  }

  function remember() {
    earlier.push(read().slice());
  }

  function line(from, to) {
    const drawn = read().slice();
    drawLine(drawn, from, to);
    write(drawn);
  }

  function start(place) {
    begin();
    remember();
    line(place, place);
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left - canvas.clientLeft) / canvas.clientWidth) * SIDE - 0.5,
      y: ((event.clientY - box.top - canvas.clientTop) / canvas.clientHeight) * SIDE - 0.5,
    };
  }

  function press(event) {
    if (event.button || !event.isPrimary) return; // only the main button, and the first finger, draw
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    leave();
    last = place(event);
    start(last);
  }

  function move(event) {
    if (!last || !event.isPrimary) return;
    const next = place(event);
    line(last, next);
    last = next;
  }

  function lift() {
    last = null;
  }

  function leave() {
    cursor = last = null;
    isDown = false;
    tell();
  }

  function tell() {
    show();
    moved(cursor && { ...cursor, isDown });
  }

  function key(event) {
    const step = STEPS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault(); // or the page would scroll
    cursor ??= { x: SIDE / 2, y: SIDE / 4 };
    if (step) {
      const inside = (value) => Math.min(SIDE - 1, Math.max(0, value));
      const next = { x: inside(cursor.x + step[0]), y: inside(cursor.y + step[1]) };
      if (isDown) line(cursor, next);
      cursor = next;
    } else {
      isDown = !isDown;
      if (isDown) start(cursor);
    }
    tell();
  }

  function undo() {
    if (earlier.length) write(earlier.pop());
  }

  function clear() {
    remember();
    write(blank());
  }

  const events = { pointerdown: press, pointermove: move, pointerup: lift, pointercancel: lift, keydown: key, blur: leave };
  Object.entries(events).forEach(([name, listen]) => canvas.addEventListener(name, listen));
  show();
  return { show, undo, clear };
}
