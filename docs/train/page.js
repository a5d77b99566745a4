// The page: start, pause, and start over; set the learning rate and the batch size; show what the worker reports.
(() => {
  "use strict";
  const [SIDE, HIDDEN, COLUMNS] = [28, 64, 8];
  const RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
  const GOAL = 0.95;
  const REST = 10; // epochs after which training pauses: both experiments ask for as many
  const [BLUE, ORANGE] = [[86, 180, 233], [230, 159, 0]];
  const find = (id) => document.getElementById(id);
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  const deadOf = (active) => HIDDEN - active.filter(Boolean).length;
  const worker = new Worker(URL.createObjectURL(new Blob([`${learner}\n(${work})();`])));

  let run = []; // the reports since the last start
  let before = []; // those of the run before it
  let number = 1; // of the run
  let isRunning = false;

  // Doing

  function set() {
    const settings = { hidden: HIDDEN, rate: RATES[find("rate").value], batch: 2 ** find("batch").value };
    for (const id of ["rate", "batch"]) {
      find(`${id}-shown`).textContent = settings[id];
      find(id).setAttribute("aria-valuetext", settings[id]);
    }
    worker.postMessage({ settings });
  }

  function train(shallRun) {
    isRunning = shallRun;
    find("toggle").textContent = isRunning ? "Pause" : "Continue";
    worker.postMessage({ isRunning });
  }

  function toggle() {
    say(isRunning ? `Paused after ${run.at(-1).epochs.toFixed(1)} epochs.` : "Training …");
    train(!isRunning);
  }

  function startOver() {
    if (run.length > 2) before = run;
    run = [];
    say("Training from the same random weights again …");
    find("toggle").disabled = false;
    worker.postMessage({ begin: ++number });
    train(true);
  }

  // Saying

  function say(text, isFault = false) {
    if (find("verdict").textContent !== text) find("verdict").textContent = text; // or it'd be spoken again
    find("verdict").classList.toggle("fault", isFault);
  }

  function comment(report) {
    const { epochs, accuracy, time } = report;
    const [fatal, isAtRest] = [failure(report), Boolean(epochs) && epochs % REST === 0];
    if (fatal || isAtRest) train(false);
    find("toggle").disabled = Boolean(fatal);
    const spent = `${epochs} epochs and ${time.toFixed(1)} seconds`;
    const reads = `It reads ${percent(accuracy)} of the unseen digits`;
    const isFirst = run.slice(0, -1).every((earlier) => earlier.accuracy < GOAL);
    if (fatal) say(fatal, true);
    else if (isAtRest) say(`Paused after ${spent}. ${reads}.${cost(report)}`);
    else if (cost(report)) say(cost(report).trim());
    else if (epochs >= 5 && accuracy < 0.6) say("It learns slowly, because its steps are tiny. Choose a higher learning rate.");
    else if (accuracy >= GOAL && isFirst) say(`${reads} after ${spent}.`);
  }

  // Return what large steps have cost a network that still learns, or nothing.
  function cost({ epochs, active }) {
    const dead = deadOf(active);
    return epochs < 1 || dead < HIDDEN / 8 ? "" : ` Large steps switched off ${dead} of the ${HIDDEN} hidden neurons, so only the others still learn.`;
  }

  // Return what went wrong for good, and what to try, or nothing.
  function failure({ epochs, loss, accuracy, active }) {
    const cure = "Choose a lower one, then press Start over.";
    const dead = deadOf(active);
    if (Number.isNaN(loss)) return `The learning rate is too high: the weights grew until the loss was no longer a number (NaN). ${cure}`;
    if (epochs < 1 || accuracy > 0.3 || dead < 0.85 * HIDDEN) return "";
    return `The learning rate is too high: large steps switched off ${dead} of the ${HIDDEN} hidden neurons, so the network only guesses. ${cure}`;
  }

  // Showing

  function show(report) {
    const { epochs, accuracy, loss, time, active } = report;
    run.push({ epochs, accuracy, loss });
    const shown = {
      accuracy: percent(accuracy),
      loss: loss?.toFixed(3) ?? "–",
      epochs: epochs.toFixed(1),
      time: `${time.toFixed(1)} s`,
      active: `${active.filter(Boolean).length} of ${HIDDEN}`,
    };
    for (const [name, text] of Object.entries(shown)) find(`${name}-shown`).textContent = text;
    for (const [name, top] of [["accuracy", 1], ["loss", 3]]) {
      draw(find(name), name, top);
      find(name).setAttribute("aria-label", `Curve: ${name} ${shown[name]} after ${shown.epochs} epochs`);
    }
    showWeights(report);
    report.misread.forEach(showMisread);
    comment(report);
  }

  function draw(chart, name, top) {
    const { epochs: last } = run.at(-1);
    const end = [10, 20, 50, 100].find((length) => last <= length) ?? Math.ceil(last);
    const place = ({ epochs, [name]: value }) => `${40 + (272 * epochs) / end},${160 - 150 * Math.min(value / top, 1)}`;
    const points = (reports) => reports.filter((report) => report.epochs <= end && Number.isFinite(report[name])).map(place).join(" ");
    chart.querySelector(".now").setAttribute("points", points(run));
    chart.querySelector(".before").setAttribute("points", points(before));
    chart.querySelector(".last").textContent = end;
  }

  // Paint the weights of each hidden neuron: the further from 0, the brighter, and dim if it never responds.
  function showWeights({ weights, active }) {
    const canvas = find("weights");
    const image = canvas.getContext("2d").createImageData(canvas.width, canvas.height);
    const most = 3 * Math.sqrt(weights.reduce((sum, weight) => sum + weight ** 2, 0) / weights.length);
    weights.forEach((weight, i) => {
      const [pixel, neuron] = [Math.floor(i / HIDDEN), i % HIDDEN];
      const x = 1 + (neuron % COLUMNS) * (SIDE + 1) + (pixel % SIDE);
      const y = 1 + Math.floor(neuron / COLUMNS) * (SIDE + 1) + Math.floor(pixel / SIDE);
      const strength = Math.min(Math.abs(weight) / most, 1) * (active[neuron] ? 1 : 0.4);
      const color = weight > 0 ? BLUE : ORANGE;
      image.data.set([...color.map((part) => part * strength), 255], 4 * (y * canvas.width + x));
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", `The weights of ${HIDDEN} hidden neurons`);
  }

  function showMisread({ label, said, pixels }, i) {
    const [canvas, caption] = find("misread").children[i].children;
    const image = new ImageData(SIDE, SIDE);
    pixels.forEach((ink, pixel) => image.data.set([ink, ink, ink, 255], 4 * pixel));
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", `An unseen ${label}`);
    caption.textContent = said < 0 ? `${label} not read` : `${label} read as ${said}`;
  }

  // Listening

  worker.onmessage = ({ data }) => {
    if (data.hasFailed) say("This browser can’t unpack the digits. Try a newer one.", true);
    if (data.number !== number) return; // it comes too late
    if (!run.length && !isRunning) {
      say("Press Start. The weights are random, so the network only guesses so far.");
      find("toggle").disabled = find("again").disabled = false;
    }
    show(data);
  };
  find("toggle").addEventListener("click", toggle);
  find("again").addEventListener("click", startOver);
  find("rate").addEventListener("input", set);
  find("batch").addEventListener("input", set);
  set();
  worker.postMessage({ digits: DIGITS, begin: number });
})();
