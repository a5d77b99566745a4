// Bring a picture of a digit into MNIST's form, step by step, as utils/photos.py and utils/paper.py do. A picture is
// { height, width, data }, its levels row by row in a Float32Array.
const photo = (() => {
  "use strict";
  const [SIDE, BOX] = [28, 20]; // pixels on each side of MNIST's images, and of the box in them that holds the digit
  const SMALL = 2 * SIDE; // a picture with a shorter side has no room for shadows, printed lines, and specks
  const WORKING = 400; // a large picture keeps at least so many pixels along its longer side, and less than twice
  const [EVEN, FAINTEST_INK] = [6, 32]; // gray levels: the border of an evenly lit page varies by less; ink, by more
  const [DIRT, PHOTO_DIRT, CERTAIN] = [0.1, 0.3, 0.4].map(Math.fround); // weaker marks are dirt; stronger ones, ink
  const [OUTSIDE, NARROW, DARK, BLURRED] = [0.95, 0.03, 0.4, 4]; // where the paper ends, as in utils/paper.py
  const [WINDOW, DIM] = [13, 16]; // of 64 pixels: what is narrower is ink; gray levels, so that black counts less
  const MOST_MARKS = 100; // on a page that can still be read as digits
  const [LIGHTEST, HEAVIEST, LIGHT, HEAVY, FINE] = [1.1, 6, 1.8, 4, 4]; // widths of strokes, as in utils/photos.py

  class NoDigitFound extends Error {}
  const refuseIf = (isUseless, reason) => { if (isUseless) throw new NoDigitFound(reason); };

  // Numbers
  const sum = (data) => data.reduce((total, value) => total + value, 0);
  const lowest = (data) => data.reduce((low, value) => Math.min(low, value), Infinity);
  const highest = (data) => data.reduce((high, value) => Math.max(high, value), -Infinity);
  const range = (data) => highest(data) - lowest(data);
  const share = (data, test) => data.reduce((total, value) => total + test(value), 0) / data.length;
  const clip = (value) => Math.min(255, Math.max(0, value));
  const median = (data) => percentile(data, 50);

  function percentile(data, percent) {
    const sorted = Float32Array.from(data).sort();
    const place = ((sorted.length - 1) * percent) / 100;
    const below = sorted[Math.floor(place)];
    return below + (place % 1) * (sorted[Math.ceil(place)] - below);
  }

  // Round halves to even numbers, as Python does.
  const round = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

  // Pictures
  const picture = (height, width, data = new Float32Array(height * width)) => ({ height, width, data });
  const map = (m, change) => picture(m.height, m.width, m.data.map(change));
  const combine = (m, other, change) => map(m, (value, i) => change(value, other.data[i]));
  const negative = (m) => map(m, (level) => -level);
  const row = (m, y) => m.data.subarray(y * m.width, (y + 1) * m.width);

  function make(height, width, level) {
    const made = picture(height, width);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) made.data[y * width + x] = level(y, x);
    return made;
  }

  const transpose = (m) => make(m.width, m.height, (y, x) => m.data[x * m.width + y]);
  const turn = (m) => make(m.width, m.height, (y, x) => m.data[(x + 1) * m.width - 1 - y]); // to the left
  const sample = (m, down, across) =>
    make(Math.ceil(m.height / down), Math.ceil(m.width / across), (y, x) => m.data[y * down * m.width + x * across]);
  const at = (m, y, x) => (x >= 0 && x < m.width && m.data[y * m.width + x]) || 0;
  const crop = (m, { top = 0, bottom = m.height, left = 0, right = m.width }) =>
    make(bottom - top, right - left, (y, x) => at(m, top + y, left + x));
  const pad = (m, edge) => crop(m, { top: -edge, bottom: m.height + edge, left: -edge, right: m.width + edge });
  const border = (m) => [m, transpose(m)].flatMap((side) => [...row(side, 0), ...row(side, side.height - 1)]);
  const noBox = () => ({ top: Infinity, bottom: 0, left: Infinity, right: 0 });
  const inkBox = (m) => m.data.reduce((box, value, i) => (value ? grow(box, i, m.width) : box), noBox());
  const cropToInk = (m) => crop(m, inkBox(m));

  function grow(box, place, width) {
    const [y, x] = [Math.floor(place / width), place % width];
    [box.top, box.bottom] = [Math.min(box.top, y), Math.max(box.bottom, y + 1)];
    [box.left, box.right] = [Math.min(box.left, x), Math.max(box.right, x + 1)];
    return box;
  }

  const around = (width) => [-width, -1, 1, width, -width - 1, 1 - width, width - 1, width + 1]; // sides, then corners

  // Number the marks from 1, and find the box around each. Pixels touch at their sides, and perhaps at their corners.
  function label(m, neighbors = around(m.width)) {
    const [labels, boxes] = [new Int32Array(m.data.length), []];
    m.data.forEach((value, first) => {
      if (!value || labels[first]) return;
      labels[first] = boxes.push(noBox());
      for (const found = [first]; found.length; ) {
        const place = found.pop();
        grow(boxes.at(-1), place, m.width);
        for (const step of neighbors) {
          const next = place + step;
          const isNear = Math.abs((next % m.width) - (place % m.width)) <= 1; // not at the other end of the next row
          if (!m.data[next] || labels[next] || !isNear) continue;
          labels[next] = boxes.length;
          found.push(next);
        }
      }
    });
    return { labels, boxes };
  }

  // Filters: beyond its edges, a picture is mirrored

  // Call `change` with each row (axis 1) or column (axis 0), extended at both ends, to fill that of the result.
  function alongLines(m, axis, before, after, change) {
    const [lines, length, next, step] = axis ? [m.height, m.width, m.width, 1] : [m.width, m.height, 1, m.width];
    const places = Array.from({ length: before + length + after }, (_, i) => {
      const place = (((i - before) % (2 * length)) + 2 * length) % (2 * length);
      return step * Math.min(place, 2 * length - 1 - place);
    });
    const [result, line] = [picture(m.height, m.width), new Float32Array(places.length)];
    for (let start = 0; start < lines * next; start += next) {
      for (let i = 0; i < line.length; i++) line[i] = m.data[start + places[i]];
      change(line, (i, value) => (result.data[start + i * step] = value));
    }
    return result;
  }

  // Return for each pixel the largest level (sign 1) or the smallest (-1) from some pixels before it to some after.
  function extreme(m, axis, [before, after], sign) {
    const queue = new Int32Array(before + Math.max(m.height, m.width) + after); // what may still win, the best first
    return alongLines(m, axis, before, after, (line, put) => {
      let [head, tail] = [0, 0];
      for (let i = 0; i < line.length; i++) {
        while (tail > head && sign * line[queue[tail - 1]] <= sign * line[i]) tail--;
        queue[tail++] = i;
        const first = i - before - after; // of the window that ends here
        if (queue[head] < first) head++;
        if (first >= 0) put(first, line[queue[head]]);
      }
    });
  }

  // As in SciPy, a window of even size reaches further to the front; in a dilation, further to the back.
  const reach = (size) => [Math.floor(size / 2), size - 1 - Math.floor(size / 2)];
  const maximum = (m, rows, columns) => extreme(extreme(m, 0, reach(rows), 1), 1, reach(columns), 1);
  const openAlong = (m, size, axis) => extreme(extreme(m, axis, reach(size | 1), -1), axis, reach(size | 1), 1);
  const inSquares = (m, window, sign) => extreme(extreme(m, 0, window, sign), 1, window, sign);
  const closing = (m, size) => inSquares(inSquares(m, reach(size).reverse(), 1), reach(size), -1);

  // Dilate (sign 1) or erode (-1) with a round brush. Around the ink, the picture is blank for the size of a brush.
  function brush(m, size, sign) {
    const [before] = sign > 0 ? reach(size).reverse() : reach(size);
    const square = (place) => (place - (size - 1) / 2) ** 2;
    const disc = make(size, size, (y, x) => square(y) + square(x) <= size ** 2 / 4);
    const inside = [...disc.data.keys()].filter((i) => disc.data[i]);
    const offsets = inside.map((i) => (Math.floor(i / size) - before) * m.width + (i % size) - before);
    return map(m, (value, i) => {
      let best = value;
      for (const offset of offsets) if (sign * best < sign * (m.data[i + offset] ?? 0)) best = m.data[i + offset];
      return best;
    });
  }

  function blur(m, sigma) {
    const far = Math.floor(4 * sigma + 0.5);
    const bell = Float64Array.from({ length: 2 * far + 1 }, (_, i) => Math.exp((-0.5 * (i - far) ** 2) / sigma ** 2));
    const weights = bell.map((value) => value / sum(bell));
    const smooth = (line, put) => {
      for (let i = 0; i + 2 * far < line.length; i++) {
        let mean = 0;
        for (let k = 0; k <= 2 * far; k++) mean += weights[k] * line[i + k];
        put(i, mean);
      }
    };
    return alongLines(alongLines(m, 0, far, far, smooth), 1, far, far, smooth);
  }

  // Resize as Pillow does: each pixel is a weighted mean of those it covers, and of some around them.
  const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  const BILINEAR = [1, (x) => 1 - Math.abs(x)];
  const LANCZOS = [3, (x) => sinc(x) * sinc(x / 3)];
  const resize = (m, height, width, kind) =>
    transpose(resizeRows(transpose(resizeRows(m, width, kind)), height, kind));

  function resizeRows(m, width, [support, weigh]) {
    if (m.width === width) return m;
    const scale = m.width / width;
    const stretch = Math.max(1, scale);
    const means = Array.from({ length: width }, (_, x) => {
      const center = (x + 0.5) * scale;
      const first = Math.max(0, Math.floor(center - support * stretch + 0.5));
      const last = Math.min(m.width, Math.floor(center + support * stretch + 0.5));
      const places = Array.from({ length: last - first }, (_, i) => (first + i - center + 0.5) / stretch);
      const weights = places.map((place) => (Math.abs(place) < support ? weigh(place) : 0));
      return { first, weights: weights.map((weight) => weight / sum(weights)) };
    });
    return make(m.height, width, (y, x) => {
      const start = y * m.width + means[x].first;
      return means[x].weights.reduce((mean, weight, i) => mean + weight * m.data[start + i], 0);
    });
  }

  // From colors to even light
  // Return the brightness of colored pixels on paper; or red, green, or blue, if brightness hardly shows the ink.
  function levels({ height, width, data }, paper) {
    const over = (i, part) => Math.round((data[i + part] * data[i + 3] + paper * (255 - data[i + 3])) / 255);
    const colors = [0, 1, 2].map((part) => make(height, width, (y, x) => over(4 * (y * width + x), part)));
    const [red, green, blue] = colors.map((color) => color.data);
    const gray = map(colors[0], (_, i) => (19595 * red[i] + 38470 * green[i] + 7471 * blue[i] + 32768) >> 16);
    const step = Math.max(1, Math.floor(Math.min(height, width) / 100));
    const contrasts = [gray, ...colors].map((m) => {
      const few = sample(m, step, step);
      const page = median(border(few));
      return percentile(few.data.map((level) => Math.abs(level - page)), 99.5);
    });
    const best = contrasts.indexOf(Math.max(...contrasts));
    return contrasts[best] > 2 * contrasts[0] ? colors[best - 1] : gray;
  }

  // A transparent page counts as white, or as black if its ink is light.
  function toGray(image) {
    const onWhite = levels(image, 255);
    const isOpaque = () => image.data.every((value, i) => i % 4 !== 3 || value === 255);
    return lowest(onWhite.data) <= 255 - FAINTEST_INK || isOpaque() ? onWhite : levels(image, 0);
  }

  function shrink(m) {
    const factor = Math.floor(Math.max(m.height, m.width) / WORKING);
    if (factor <= 1) return m;
    return make(Math.ceil(m.height / factor), Math.ceil(m.width / factor), (y, x) => {
      const [bottom, right] = [Math.min(m.height, (y + 1) * factor), Math.min(m.width, (x + 1) * factor)];
      let total = 0;
      for (let v = y * factor; v < bottom; v++) for (let u = x * factor; u < right; u++) total += at(m, v, u);
      return total / ((bottom - y * factor) * (right - x * factor));
    });
  }

  function cropToPaper(m) {
    if (Math.min(m.height, m.width) <= BOX) return m;
    const [top, left] = [Math.floor(m.height / 10), Math.floor(m.width / 10)];
    const middle = crop(m, { top, bottom: m.height - top, left, right: m.width - left });
    const step = (side) => Math.max(1, Math.floor(side / 50));
    const paper = median(sample(middle, step(m.height), step(m.width)).data);
    if (border(m).every((level) => Math.abs(level - paper) < FAINTEST_INK)) return m;
    for (let side = 0; side < 4; side++) m = turn(crop(m, { top: rowsBeyondPaper(m, paper) }));
    return m;
  }

  // Return how many rows at the top aren't paper, up to a sharp edge; a shadow's edge is soft, or it's less dark.
  function rowsBeyondPaper(m, paper) {
    let depth = 0;
    const isOutside = (y) => share(row(m, y), (level) => Math.abs(level - paper) > FAINTEST_INK) >= OUTSIDE;
    while (depth < m.height && isOutside(depth)) depth++;
    if (depth === 0 || depth >= m.height / 2 - BLURRED) return 0;
    const [outside, inside] = [Math.max(0, depth - BLURRED), depth + BLURRED].map((y) => median(row(m, y)));
    const even = range(m.data.subarray(0, Math.max(1, depth - BLURRED) * m.width)) < EVEN;
    const shadow = !even && depth > NARROW * m.height && outside >= DARK * paper;
    if (shadow || Math.abs(outside - inside) < FAINTEST_INK) return 0;
    return even ? depth : depth + BLURRED;
  }

  function flattenIllumination(m, ink) {
    const edge = border(m);
    const isEven = range(edge) < EVEN || percentile(edge, 90) - percentile(edge, 10) < EVEN;
    if (Math.min(m.height, m.width) < SMALL || isEven) return m;
    const page = blur(m, 1);
    const grain = combine(page, m, (one, other) => Math.abs(one - other));
    const isNoise = share(grain.data, (change) => change > FAINTEST_INK / 2) > 0.5;
    refuseIf(isNoise, "this is pure noise: neighboring pixels have nothing in common");
    const size = (side) => Math.max(1, Math.floor((64 * side) / Math.max(m.height, m.width)));
    const small = resize(page, size(m.height), size(m.width), BILINEAR);
    if (ink === "auto" ? isInkDark(small) : ink === "dark") {
      return combine(page, levelPaper(page, small), (level, paper) => clip((255 * level) / Math.max(paper, 1)));
    }
    return combine(page, levelPaper(negative(page), negative(small)), (level, paper) => clip(level + paper));
  }

  // Tell by how far from the paper's level others are, or else by what encloses its holes.
  function isInkDark(small) {
    const logs = map(small, (level) => Math.log(level + DIM)); // so that marks in a shadow count as much as others
    const middle = { top: 6, bottom: small.height - 6, left: 6, right: small.width - 6 };
    const { data } = Math.min(small.height, small.width) > 20 ? crop(logs, middle) : logs;
    const [darker, brighter] = [median(data) - lowest(data), highest(data) - median(data)];
    if (Math.max(darker, brighter) > 2 * Math.min(darker, brighter)) return darker > brighter;
    const dark = combine(fill(logs), logs, (filled, level) => filled - level);
    const light = combine(fill(negative(logs)), logs, (filled, level) => filled + level);
    const weak = Math.max(highest(dark.data), highest(light.data)) / 4;
    return extent(dark, weak) >= extent(light, weak);
  }

  function extent(marks, weak) {
    const limit = Math.max(highest(marks.data) / 2, weak);
    const box = inkBox(map(marks, (depth) => depth > limit));
    return clip(box.bottom - box.top) + clip(box.right - box.left);
  }

  // Return the level of the paper under dark ink, by pixel, from a page and a small picture of it.
  function levelPaper(page, small) {
    const smooth = resize(blur(fill(small), 2), page.height, page.width, BILINEAR);
    return combine(smooth, closing(page, Math.floor((WINDOW * Math.max(page.height, page.width)) / 64)), Math.min);
  }

  // Fill dark places up to the level at which water in them would run off over the picture's edge, except wide ones.
  function fill(m, steps = around(m.width)) {
    const { height, width, data } = m;
    const isInner = (i) => i > width && i < (height - 1) * width && i % width > 0 && i % width < width - 1;
    const inner = [...data.keys()].filter(isInner);
    const water = data.map((level, i) => (isInner(i) ? Infinity : level));
    for (let flows = true; flows; inner.reverse()) {
      flows = false;
      for (const i of inner) {
        const level = Math.max(data[i], steps.reduce((low, step) => Math.min(low, water[i + step]), Infinity));
        flows ||= level < water[i];
        water[i] = Math.min(water[i], level);
      }
    }
    return combine(closing(m, WINDOW), picture(height, width, water), Math.min);
  }

  // From gray levels to clean ink
  function inkOnBlack(m, ink) {
    const edge = border(m);
    const paper = median(edge);
    const isDark = ink === "auto" ? paper - lowest(m.data) >= highest(m.data) - paper : ink === "dark";
    const strength = map(m, (level) => Math.max(0, isDark ? paper - level : level - paper));
    const strongest = highest(strength.data);
    const noisy = share(edge, (level) => level !== paper) >= 0.5;
    refuseIf(strongest < FAINTEST_INK * (noisy ? 1.5 : 1), "the page is blank: no ink stands out from the paper");
    const weakest = Math.fround(strongest * (noisy ? PHOTO_DIRT : DIRT)); // in 32 bits, as NumPy computes
    return map(strength, (value) => (value >= weakest ? value * (255 / strongest) : 0));
  }

  function removeRuledLines(m) {
    if (Math.min(m.height, m.width) < SMALL) return m;
    const [level, upright] = [levelLines(m), transpose(levelLines(transpose(m)))];
    return map(m, (value, i) => (level.data[i] || upright.data[i] ? 0 : value));
  }

  // Return where printed lines run from left to right, perhaps a little tilted.
  function levelLines(m) {
    const { height, width } = m;
    if (!m.data.some((value, i) => value && (i % width < 2 || i % width >= width - 2))) return picture(height, width);
    const marks = map(m, (value) => value > 0);
    const thickest = Math.floor(Math.max(height, width) / 80) + 1;
    const thin = combine(marks, openAlong(marks, thickest, 0), (mark, thick) => mark - thick);
    const { labels, boxes } = label(maximum(openAlong(thin, Math.floor(width / 80), 1), 5, Math.floor(width / 8)));
    const long = boxes.map(({ left, right }) => right - left >= width / 2 && (left === 0 || right === width));
    const lines = map(thin, (value, i) => long[labels[i] - 1] && value > 0);
    const found = long.filter(Boolean).length;
    if (found === 0 || (found === 1 && isStroke(marks, lines))) return picture(height, width);
    // A ruled page may have a line along its edge.
    return map(lines, (line, i) => (i < thickest * width || i >= (height - thickest) * width ? 1 : line));
  }

  // Tell whether a line ends on the page and is joined to other ink, as the bar of a 7 is.
  function isStroke(marks, line) {
    const { labels } = label(marks);
    const joined = new Set(labels.filter((_, i) => line.data[i]));
    const other = labels.filter((number, i) => joined.has(number) && !line.data[i]).length;
    const { left, right } = inkBox(line);
    return right - 1 - left < line.width - 2 && other >= sum(line.data) / 4;
  }

  function despeckle(m) {
    if (Math.min(m.height, m.width) < SMALL) return m;
    const { labels, boxes } = label(m);
    const kept = new Uint8Array(boxes.length + 1);
    labels.forEach((number, i) => (kept[number] |= m.data[i] >= CERTAIN * 255));
    const isSpeck = (box) => Math.max(box.bottom - box.top, box.right - box.left) <= Math.min(m.height, m.width) / 25;
    boxes.forEach((box, i) => isSpeck(box) && (kept[i + 1] = 0));
    return map(m, (value, i) => (kept[labels[i]] ? value : 0));
  }

  // From clean ink to MNIST's form
  function keepDigit(m) {
    refuseIf(!m.data.some(Boolean), "there is no digit: only specks, noise or printed lines");
    const { boxes } = label(m);
    const digits = (boxes.length === 1 ? [m] : joinMarks(m, boxes)).filter(hasStrokes);
    refuseIf(digits.length === 0, "there is ink, but no strokes: it's noise, or a blot");
    refuseIf(digits.length > 1, `there are ${digits.length} digits, expected one: cut them apart, or write one alone`);
    return strengthen(digits[0]);
  }

  const strengthen = (m, strongest = highest(m.data)) => map(m, (value) => value * (255 / strongest));

  // Return the ink of each digit alone, after joining marks that belong together.
  function joinMarks(m, boxes) {
    const tallest = Math.max(...boxes.map((box) => box.bottom - box.top));
    const nearby = 1 + 2 * Math.max(1, round(0.03 * tallest));
    const near = label(maximum(m, nearby, nearby));
    const marks = near.boxes.map(noBox);
    refuseIf(marks.length > MOST_MARKS, `there are ${marks.length} marks: that's noise, or a page full of text`);
    m.data.forEach((value, i) => value && grow(marks[near.labels[i] - 1], i, m.width));
    return groupMarks(marks).map((group) => map(m, (value, i) => (group.includes(near.labels[i] - 1) ? value : 0)));
  }

  // Return the marks of each digit: those above one another, and low marks close to it.
  function groupMarks(boxes) {
    const size = (box) => ({ height: box.bottom - box.top, width: box.right - box.left });
    const marks = boxes.map((box, group) => ({ ...box, ...size(box), group }));
    const tallest = Math.max(...marks.map((mark) => mark.height));
    const high = marks.filter((mark) => mark.height >= tallest / 2);
    const noBars = high.filter((mark) => mark.width <= 2 * mark.height); // the bar of a 5 is wide
    const tall = new Set(noBars.length ? noBars : high);
    const down = (a, b) => Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom); // negative if they overlap
    const across = (a, b) => Math.max(a.left, b.left) - Math.min(a.right, b.right);
    const gap = (a, b) => Math.max(down(a, b), across(a, b));
    for (const a of marks) {
      const nearest = Math.min(...[...tall].map((b) => gap(a, b)));
      for (const b of tall) {
        const overlap = across(a, b) <= -0.5 * Math.min(a.width, b.width);
        const stacked = tall.has(a) && overlap && down(a, b) < 0.12 * tallest;
        const close = !tall.has(a) && gap(a, b) === nearest && nearest < 0.3 * tallest;
        if (!stacked && !close) continue;
        for (const mark of marks.filter(({ group }) => group === b.group)) mark.group = a.group;
      }
    }
    const digits = [...new Set([...tall].map((mark) => mark.group))];
    return digits.map((digit) => [...marks.keys()].filter((i) => marks[i].group === digit));
  }

  // Tell whether ink is strokes: noise has many marks and holes in the box, and a blot fills it.
  function hasStrokes(ink) {
    const boxed = fitInBox(cropToInk(ink));
    const limit = highest(boxed.data) / 2;
    const inside = pad(map(boxed, (value) => value > limit), 1);
    const holes = label(map(inside, (value) => 1 - value), around(inside.width).slice(0, 4)).boxes.length;
    return label(inside).boxes.length + holes <= 15 && sum(inside.data) < 0.8 * BOX ** 2;
  }

  // Thicken hairlines, and thin a marker's strokes.
  function matchStrokeWeight(m) {
    const large = fit(m, FINE * BOX);
    const width = strokeWidth(pad(large, 1)) / FINE;
    if (LIGHTEST <= width && width <= HEAVIEST) return m;
    const change = round(((width < LIGHTEST ? LIGHT : HEAVY) - width) * FINE);
    const changed = brush(pad(large, BOX), Math.abs(change) + 1, change > 0 ? 1 : -1);
    return changed.data.some(Boolean) ? cropToInk(strengthen(changed)) : m;
  }

  // Return the mean width in pixels: inside a bar, the mean distance to the outside is a quarter of its width.
  function strokeWidth(m) {
    const limit = highest(m.data) / 2;
    const inside = (y, x) => at(m, y, x) > limit;
    const squares = make(m.height, m.width, (y, x) => {
      let far = 0; // to the next pixel outside, in this column
      while (inside(y - far, x) && inside(y + far, x)) far++;
      return far ** 2;
    });
    const line = (i) => row(squares, Math.floor(i / m.width));
    const nearest = (i) => lowest(line(i).map((square, x) => square + (x - (i % m.width)) ** 2));
    const distances = squares.data.map((square, i) => (square ? Math.sqrt(nearest(i)) : 0)).filter(Boolean);
    return (4 * sum(distances)) / distances.length - 2;
  }

  const fitInBox = (m) => fit(m, BOX);
  function fit(m, box) {
    const factor = box / Math.max(m.height, m.width);
    const [height, width] = [m.height, m.width].map((side) => Math.max(1, round(side * factor)));
    return map(resize(m, height, width, LANCZOS), clip);
  }

  // Put the center of mass on pixel (14, 14), as in MNIST.
  function centerByMass(m) {
    const center = (place) => m.data.reduce((total, value, i) => total + value * place(i), 0) / sum(m.data);
    const corner = (middle, side) => Math.min(SIDE - side, Math.max(0, round(SIDE / 2 - middle)));
    const top = corner(center((i) => Math.floor(i / m.width)), m.height);
    const left = corner(center((i) => i % m.width), m.width);
    const square = picture(SIDE, SIDE);
    for (let y = 0; y < m.height; y++) square.data.set(row(m, y).map(round), (top + y) * SIDE + left);
    return square;
  }

  const STEPS = {
    toGray, shrink, cropToPaper, flattenIllumination, inkOnBlack, removeRuledLines, despeckle, // the page
    keepDigit, cropToInk, matchStrokeWeight, fitInBox, centerByMass, // the digit
  };

  // Return what each step makes of an image of red, green, blue, and alpha, by its name; and the reason why there is no
  // digit, if there is none. `ink` is "auto", or tells whether it's "dark" or "light".
  function steps(image, ink = "auto") {
    const made = {};
    let latest = image;
    try {
      for (const [name, step] of Object.entries(STEPS)) made[name] = latest = step(latest, ink);
    } catch (fault) {
      if (!(fault instanceof NoDigitFound)) throw fault;
      return { made, reason: fault.message };
    }
    return { made, reason: "" };
  }

  return { steps };
})();
