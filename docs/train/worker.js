// What the worker does: train in short turns, hear what the page says between two of them, and report.
// The page sends the text of this function to the worker, together with that of `learner`.
function work() {
  "use strict";
  const SEED = 1; // every run starts with the same weights, so that only what you change makes a difference
  const TURN = 40; // ms
  const SHOWN = 10; // misread digits
  const EARLY = 8000; // digits during which reports come four times as often
  const { random, create, zeros, inked, forward, addGradient, step } = learner();
  const settings = {};
  let train, unseen, run, timer;
  let isRunning = false;

  // The digits come packed, the first `train` of them to learn from.
  async function load({ pixels, labels, train: size }) {
    const packed = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const unpacked = new Uint8Array(await new Response(stream).arrayBuffer());
    const known = Uint8Array.from(labels, Number);
    const border = (unpacked.length / known.length) * size;
    train = inked(unpacked.subarray(0, border), known.subarray(0, size));
    unseen = inked(unpacked.subarray(border), known.subarray(size));
  }

  function begin(number) {
    const draw = random(SEED);
    const network = create(settings.hidden, draw);
    const order = Uint16Array.from(train.labels, (_, digit) => digit);
    run = { number, draw, network, gradient: zeros(network), order, seen: 0, reported: 0, loss: 0, time: 0 };
    report();
  }

  function shuffle({ order, draw }) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(draw() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
  }

  // Move a digit by up to one pixel each time it's shown, so that it's harder to memorize.
  function shift(digit) {
    const direction = () => Math.floor(3 * run.draw()) - 1;
    return train.free[digit] * (28 * direction() + direction());
  }

  function trainOnBatch() {
    const { network, gradient, order } = run;
    const start = run.seen % order.length;
    if (start === 0) shuffle(run);
    const batch = order.subarray(start, start + settings.batch);
    for (const digit of batch) run.loss += addGradient(network, gradient, train, digit, shift(digit));
    step(network, gradient, settings.rate / batch.length);
    run.seen += batch.length;
  }

  // Return what the network makes of the digits that it hasn't seen.
  function judge() {
    const misread = [];
    let wrong = 0;
    const active = Array(settings.hidden).fill(false); // whether a hidden neuron responds to at least one digit
    unseen.labels.forEach((label, digit) => {
      const { neurons, probabilities } = forward(run.network, unseen, digit);
      neurons.forEach((output, neuron) => (active[neuron] ||= output > 0));
      const said = probabilities.indexOf(Math.max(...probabilities));
      if (said !== label && ++wrong <= SHOWN) misread.push({ label, said, pixels: unseen.pixels.slice(784 * digit, 784 * (digit + 1)) });
    });
    return { accuracy: 1 - wrong / unseen.labels.length, active, misread };
  }

  function report() {
    const loss = run.seen ? run.loss / (run.seen - run.reported) : null;
    const { number, seen, time, network } = run;
    postMessage({ number, epochs: seen / train.labels.length, time, loss, weights: network.hiddenKernel, ...judge() });
    Object.assign(run, { reported: seen, loss: 0 });
  }

  function turn() {
    if (!isRunning) return;
    const start = performance.now();
    while (performance.now() - start < TURN) {
      trainOnBatch();
      const size = train.labels.length;
      const due = run.seen < EARLY ? size / 4 : size;
      if (Math.floor(run.seen / due) > Math.floor(run.reported / due)) {
        report();
        break;
      }
    }
    run.time += (performance.now() - start) / 1000;
    timer = setTimeout(turn);
  }

  onmessage = async ({ data }) => {
    Object.assign(settings, data.settings);
    if (data.digits) await load(data.digits).catch(() => postMessage({ hasFailed: true }));
    if (data.begin && train) begin(data.begin);
    if (data.isRunning === undefined || data.isRunning === isRunning) return;
    isRunning = data.isRunning;
    clearTimeout(timer);
    turn();
  };
}
