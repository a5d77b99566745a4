// The page: draw or give a picture, see each step, what is read, and what the first layer sees; keep digits.
const page = (() => {
  "use strict";
  const LARGEST = 4_000_000; // pixels: a larger picture is shrunk by the browser, which is faster
  const REST = 800; // ms without change after which a screen reader is told
  const NAMES = { "no digit": "Not a digit", "not sure": "Not sure" };
  const find = (id) => document.getElementById(id);
  const rows = [...document.querySelectorAll("#shares li")];
  const figures = [...document.querySelectorAll("#steps figure")];
  const read = reader.open(NETWORK);

  let pixels = pad.blank(); // of the drawing
  let picture = null; // the latest one, with its name, until the next stroke
  let form = null; // what is shown, in MNIST's form
  let kept = save.load();

  // Reading

  // Return each step, and what is read, of an image of red, green, blue, and alpha; and how long that took.
  function examine(image, ink) {
    const start = performance.now();
    const { made, reason } = photo.steps(image, ink);
    const answer = made.centerByMass ? read(made.centerByMass.data) : { outcome: "no digit", reason };
    return { made, answer, time: performance.now() - start };
  }

  function readDrawing() {
    picture = null;
    if (!pixels.some(Boolean)) return showNothing();
    const colors = Array.from(pixels, (ink) => [ink, ink, ink, 255]).flat();
    show(examine({ height: pad.SIDE, width: pad.SIDE, data: colors }, "light"));
  }

  function readPicture() {
    if (picture) show(examine(picture.image, find("ink").value));
  }

  async function open(file) {
    find("messages").replaceChildren();
    try {
      picture = { name: file.name, image: await load(file) };
      readPicture();
    } catch {
      picture = null;
      showNothing();
      complain(`${file.name} can’t be opened as a picture here. Save it as PNG or JPEG.`);
    }
  }

  // Return the pixels of a picture's file, those of a large one at a fraction of its size.
  async function load(file) {
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
    const isLarge = bitmap.width * bitmap.height > LARGEST;
    const factor = isLarge ? Math.floor(Math.max(bitmap.width, bitmap.height) / 1600) : 1;
    const [width, height] = [Math.ceil(bitmap.width / factor), Math.ceil(bitmap.height / factor)];
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  }

  function complain(text) {
    const notice = Object.assign(document.createElement("p"), { className: "notice", textContent: text });
    find("messages").replaceChildren(notice);
  }

  // Showing

  function percent(share) {
    if (share > 0.995 && share < 1) return ">99%"; // no network is ever quite sure
    if (share < 0.005 && share > 0) return "<1%";
    return `${Math.round(100 * share)}%`;
  }

  function remarkOn({ outcome, digit, confidence, noDigit, reason }) {
    const several = /^there are (\d+) digits/.exec(reason);
    if (several) return `The picture has ${several[1]} digits. Crop it to one.`;
    if (reason) return `${reason[0].toUpperCase()}${reason.slice(1)}.`;
    if (outcome === "no digit") return `The network is ${percent(noDigit)} sure that this isn’t a digit.`;
    if (outcome === "digit") return `${percent(confidence)} sure`;
    return `${digit} is the best guess, but ${percent(confidence)} isn’t sure enough.`;
  }

  function show({ made, answer, time }) {
    form = made.centerByMass?.data ?? null;
    const outcome = answer.outcome === "digit" ? String(answer.digit) : answer.outcome;
    find("outcome").textContent = NAMES[outcome] ?? outcome;
    find("remark").textContent = remarkOn(answer);
    find("time").textContent = `Read in ${time.toFixed(0)} ms on this device.`;
    find("time").dataset.milliseconds = time;
    const shares = answer.probabilities ? [...answer.probabilities, answer.noDigit] : [];
    rows.forEach((row, i) => {
      row.classList.toggle("best", row.dataset.outcome === outcome);
      if (!row.querySelector(".bar")) return; // being unsure has no probability
      row.querySelector("i").style.width = `${100 * (shares[i] ?? 0)}%`;
      row.querySelector(".share").textContent = shares.length ? percent(shares[i]) : "";
    });
    figures.forEach((figure) => showStep(figure, made[figure.dataset.step]));
    pad.paint(find("input"), form ?? pad.blank());
    find("input").setAttribute("aria-label", `What the network gets: ${form ? "28 by 28 pixels" : "nothing yet"}`);
    showLayer(answer.first);
    for (const button of find("labels").children) button.disabled = !form;
    tellSoon();
  }

  function showStep(figure, step) {
    const canvas = figure.querySelector("canvas");
    Object.assign(canvas, { width: step?.width ?? 1, height: step?.height ?? 1 });
    if (step) pad.paint(canvas, step.data);
    const size = step ? `${step.width} by ${step.height} pixels` : "nothing";
    canvas.setAttribute("aria-label", `${figure.querySelector("figcaption").textContent}: ${size}`);
  }

  // Paint the maps of the first layer, eight in a row, brightest where they are largest.
  function showLayer(first) {
    const canvas = find("layer");
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    canvas.setAttribute("aria-label", first ? `${first.channels} maps of the first layer` : "Nothing to see yet");
    find("first-layer").hidden = !first;
    if (!first) return;
    const { map, side, channels } = first;
    const largest = map.reduce((high, value) => Math.max(high, value), 0) || 1;
    const tile = document.createElement("canvas");
    Object.assign(tile, { width: side, height: side });
    for (let channel = 0; channel < channels; channel++) {
      pad.paint(tile, map.filter((_, i) => i % channels === channel).map((value) => 255 * Math.sqrt(value / largest)));
      context.drawImage(tile, 1 + (channel % 8) * (side + 1), 1 + Math.floor(channel / 8) * (side + 1));
    }
  }

  function showNothing() {
    show({ made: {}, answer: { outcome: "", reason: "nothing to read yet" }, time: 0 });
    find("outcome").textContent = "–";
    find("time").textContent = "";
  }

  let timer;
  function tellSoon() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const title = picture ? picture.name : "Your drawing";
      find("spoken").textContent = `${title}: ${find("outcome").textContent}. ${find("remark").textContent}`;
    }, REST);
  }

  // Keeping

  function keep(label) {
    kept.push({ label, pixels: [...form] });
    if (!picture) sheet.clear();
    showKept();
  }

  function showKept() {
    save.store(kept);
    const digits = kept.length === 1 ? "1 digit" : `${kept.length} digits`;
    const list = `You have kept ${digits}: ${kept.map(({ label }) => label).join(" ")}`;
    find("kept").textContent = kept.length ? list : "You haven’t kept a digit yet.";
    for (const id of ["save-pictures", "save-table", "forget"]) find(id).disabled = !kept.length;
  }

  // Listening

  let isWaiting = false;
  function readSoon() {
    if (isWaiting) return; // once for each picture that the screen shows
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      readDrawing();
    });
  }

  function write(drawn) {
    pixels = drawn;
    sheet.show();
    readSoon();
  }

  function moved(pen) {
    find("position").textContent = pen ? `Pen ${pen.isDown ? "down" : "up"} at ${pen.x + 1}, ${pen.y + 1}` : "";
  }

  function take(transfer) {
    const [file] = transfer?.files ?? [];
    if (file) open(file);
    else complain("That isn’t a file. Save the picture first, then choose, drop, or paste it.");
  }

  const sheet = pad.drawOn(find("pad"), { read: () => pixels, write, moved });
  find("undo").addEventListener("click", sheet.undo);
  find("clear").addEventListener("click", sheet.clear);
  find("ink").addEventListener("change", readPicture);
  find("file").addEventListener("change", (event) => {
    if (event.target.files.length) open(event.target.files[0]);
    event.target.value = ""; // so that the same file can be chosen again
  });
  addEventListener("paste", (event) => take(event.clipboardData));
  addEventListener("dragover", (event) => {
    event.preventDefault(); // which is how a page says that files may be dropped on it
    find("drop").classList.add("over");
  });
  addEventListener("dragleave", () => find("drop").classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    find("drop").classList.remove("over");
    take(event.dataTransfer);
  });
  [...find("labels").children].forEach((button, label) => button.addEventListener("click", () => keep(label)));
  find("save-pictures").addEventListener("click", async () => save.download(await save.asZip(kept), "my_digits.zip"));
  find("save-table").addEventListener("click", () => save.download(save.asCsv(kept), "my_digits.csv"));
  find("forget").addEventListener("click", () => {
    kept = [];
    showKept();
  });
  find("enough").textContent = percent(NETWORK.abstainBelow);
  showKept();
  figures.forEach((figure) => showStep(figure));
  read(new Uint8Array(pad.SIDE ** 2)); // once, so that the first stroke doesn't wait for the compiler
  return { load, examine };
})();
