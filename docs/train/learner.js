// A small network and how it learns: 784 pixels, a layer of hidden neurons with ReLU, and ten probabilities.
// One function without anything around it, because the page sends its text to a worker.
function learner() {
  "use strict";
  const [SIDE, CLASSES] = [28, 10];

  // Return a generator of numbers from 0 to 1, always the same for one seed, so that runs can be compared.
  function random(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  // Return a network as it is before training: random weights, uniform within Glorot's limits, and biases of 0.
  function create(hidden, draw) {
    const uniform = (inputs, outputs) => {
      const limit = Math.sqrt(6 / (inputs + outputs));
      return Float32Array.from({ length: inputs * outputs }, () => limit * (2 * draw() - 1));
    };
    return {
      hiddenKernel: uniform(SIDE * SIDE, hidden), // the weights of a pixel stand side by side
      hiddenBias: new Float32Array(hidden),
      kernel: uniform(hidden, CLASSES),
      bias: new Float32Array(CLASSES),
    };
  }

  // Return a gradient of 0, in the form of a network.
  function zeros(network) {
    return Object.fromEntries(Object.entries(network).map(([part, { length }]) => [part, new Float32Array(length)]));
  }

  // Return digits as lists of the pixels that hold ink, a fifth of all: black pixels add nothing to a sum.
  function inked(pixels, labels) {
    const [starts, places, ink, free] = [[0], [], [], labels.map(() => 1)];
    for (let i = 0; i < pixels.length; i++) {
      const place = i % SIDE ** 2;
      const isAtEdge = Math.floor(place / SIDE) % (SIDE - 1) === 0 || (place % SIDE) % (SIDE - 1) === 0;
      if (pixels[i]) places.push(place), ink.push(pixels[i] / 255);
      if (pixels[i] && isAtEdge) free[starts.length - 1] = 0; // it has no room to move
      if (place === SIDE ** 2 - 1) starts.push(places.length);
    }
    return { starts, places: Uint16Array.from(places), ink: Float32Array.from(ink), free, labels, pixels };
  }

  // Return what the hidden neurons and the ten outputs of a network say about one digit, moved by `shift` places.
  function forward(network, { starts, places, ink }, digit, shift = 0) {
    const { hiddenKernel, hiddenBias, kernel, bias } = network;
    const [neurons, outputs, count] = [hiddenBias.slice(), bias.slice(), hiddenBias.length];
    for (let i = starts[digit]; i < starts[digit + 1]; i++) {
      const [input, row] = [ink[i], (places[i] + shift) * count];
      for (let j = 0; j < count; j++) neurons[j] += input * hiddenKernel[row + j];
    }
    for (let j = 0; j < count; j++) {
      neurons[j] = Math.max(neurons[j], 0);
      if (neurons[j]) for (let k = 0; k < CLASSES; k++) outputs[k] += neurons[j] * kernel[j * CLASSES + k];
    }
    return { neurons, probabilities: softmax(outputs) };
  }

  function softmax(outputs) {
    const largest = outputs.reduce((high, value) => Math.max(high, value), -Infinity);
    const powers = outputs.map((value) => Math.exp(value - largest));
    const sum = powers.reduce((total, value) => total + value, 0);
    return powers.map((value) => value / sum);
  }

  // Add the gradient of one digit's loss to `gradient`, which has a network's form; return the loss.
  function addGradient(network, gradient, digits, digit, shift = 0) {
    const { starts, places, ink, labels } = digits;
    const { neurons, probabilities } = forward(network, digits, digit, shift);
    const loss = -Math.log(Math.max(probabilities[labels[digit]], 1e-7)); // NaN stays NaN
    const wrong = probabilities; // p - y: how far each output is off
    wrong[labels[digit]] -= 1;
    const { length: count } = neurons;
    const [back, slopes] = [new Float32Array(count), gradient.hiddenKernel];
    for (let k = 0; k < CLASSES; k++) gradient.bias[k] += wrong[k];
    for (let j = 0; j < count; j++) {
      if (neurons[j] <= 0) continue; // ReLU lets nothing through, so nothing comes back
      for (let k = 0; k < CLASSES; k++) {
        gradient.kernel[j * CLASSES + k] += neurons[j] * wrong[k];
        back[j] += network.kernel[j * CLASSES + k] * wrong[k];
      }
      gradient.hiddenBias[j] += back[j];
    }
    for (let i = starts[digit]; i < starts[digit + 1]; i++) {
      const [input, row] = [ink[i], (places[i] + shift) * count];
      for (let j = 0; j < count; j++) slopes[row + j] += input * back[j];
    }
    return loss;
  }

  // Move the weights against a gradient, then set it back to 0.
  function step(network, gradient, rate) {
    for (const [part, weights] of Object.entries(network)) {
      const slopes = gradient[part];
      for (let i = 0; i < weights.length; i++) weights[i] -= rate * slopes[i];
      slopes.fill(0);
    }
  }

  return { random, create, zeros, inked, forward, addGradient, step };
}
