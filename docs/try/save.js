// Save labeled digits, { label, pixels }, as files: pictures in a ZIP archive, or a table as Kaggle has it.
const save = (() => {
  "use strict";
  const SIDE = 28;

  // The check sum that a ZIP archive wants of each file.
  function crc32(bytes) {
    let sum = -1;
    for (const byte of bytes) {
      sum ^= byte;
      for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum >>> 0;
  }

  // Write numbers of 2 or 4 bytes, given as pairs of [size, value].
  function fields(...pairs) {
    const bytes = new DataView(new ArrayBuffer(pairs.reduce((total, [size]) => total + size, 0)));
    let place = 0;
    for (const [size, value] of pairs) {
      if (size === 2) bytes.setUint16(place, value, true);
      else bytes.setUint32(place, value, true);
      place += size;
    }
    return new Uint8Array(bytes.buffer);
  }

  // Pack files, { name, bytes }, without compression: each after a header, and a list of all at the end.
  function zip(files) {
    const [parts, list] = [[], []];
    let place = 0;
    for (const { name, bytes } of files) {
      const title = new TextEncoder().encode(name);
      // Version, flags, compression, time, and date (January 1, 1980); then what the file holds.
      const sizes = [[4, bytes.length], [4, bytes.length], [2, title.length], [2, 0]];
      const about = [[2, 20], [2, 0], [2, 0], [2, 0], [2, 33], [4, crc32(bytes)], ...sizes];
      const header = fields([4, 0x04034b50], ...about);
      list.push(fields([4, 0x02014b50], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, place]), title);
      parts.push(header, title, bytes);
      place += header.length + title.length + bytes.length;
    }
    const size = list.reduce((total, part) => total + part.length, 0);
    const counts = [[2, files.length], [2, files.length]];
    const end = fields([4, 0x06054b50], [2, 0], [2, 0], ...counts, [4, size], [4, place], [2, 0]);
    return new Blob([...parts, ...list, end], { type: "application/zip" });
  }

  async function toPng(pixels) {
    const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    pad.paint(canvas, pixels);
    const file = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return new Uint8Array(await file.arrayBuffer());
  }

  // The name of a picture begins with its digit: so `digits evaluate --folder` knows it.
  async function asZip(digits) {
    const name = (label, index) => `${label}_drawn_${String(index + 1).padStart(3, "0")}.png`;
    const files = digits.map(async ({ label, pixels }, i) => ({ name: name(label, i), bytes: await toPng(pixels) }));
    return zip(await Promise.all(files));
  }

  function asCsv(digits) {
    const names = Array.from({ length: SIDE * SIDE }, (_, i) => `pixel${i}`);
    const rows = digits.map(({ label, pixels }) => [label, ...pixels]);
    return new Blob([["label", ...names], ...rows].map((row) => `${row.join()}\n`), { type: "text/csv" });
  }

  function download(content, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(content), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // not before the browser has begun
  }

  // What is kept stays in this browser, if it lets pages store anything.
  const KEY = "digits-drawn";

  function load() {
    try {
      return JSON.parse(localStorage.getItem(KEY) ?? "[]");
    } catch {
      return [];
    }
  }

  function store(digits) {
    try {
      localStorage.setItem(KEY, JSON.stringify(digits));
    } catch {
      // The digits last as long as the page.
    }
  }

  return { asZip, asCsv, download, load, store };
})();
