// Read digits with a small convolutional network, without any library. A map is a Float32Array of shape
// (rows, columns, channels): the channels of a pixel lie side by side.
const reader = (() => {
  "use strict";
  // Turn base64 into the 16-bit floats that it holds: a sign, 5 bits of exponent, 10 bits of fraction.
  function decode(base64) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return Float32Array.from(new Uint16Array(bytes.buffer), (half) => {
      const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
      const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
      return half >> 15 ? -size : size;
    });
  }

  // Give each layer its part of the weights.
  function unpack(network) {
    const weights = decode(network.weights);
    let start = 0;
    const take = (length) => weights.subarray(start, (start += length));
    return network.layers.map(({ shape, pool }) => {
      const kernel = take(shape.reduce((product, size) => product * size, 1));
      const [inputs, outputs] = shape.slice(-2);
      return { pool, size: shape[0], inputs, outputs, kernel, bias: take(outputs) };
    });
  }

  // Convolve a square map, add the bias, and cut off what is negative (ReLU). Half of the inputs are 0, because a
  // ReLU made them: those are left out. Four sums at a time stay in the processor's registers.
  function convolve(map, side, { size, inputs, outputs, kernel, bias }) {
    const width = side - size + 1;
    const row = size * inputs;
    const result = new Float32Array(width * width * outputs);
    const [values, places] = [new Float64Array(size * row), new Int32Array(size * row)];
    for (let y = 0; y < width; y++) {
      for (let x = 0; x < width; x++) {
        let count = 0;
        for (let dy = 0; dy < size; dy++) {
          const start = ((y + dy) * side + x) * inputs;
          for (let i = 0; i < row; i++) {
            if (map[start + i] === 0) continue;
            values[count] = map[start + i];
            places[count++] = (dy * row + i) * outputs;
          }
        }
        const pixel = (y * width + x) * outputs;
        for (let o = 0; o < outputs; o += 4) {
          let [a, b, c, d] = [bias[o], bias[o + 1], bias[o + 2], bias[o + 3]];
          for (let i = 0; i < count; i++) {
            const value = values[i];
            const weight = places[i] + o;
            a += value * kernel[weight];
            b += value * kernel[weight + 1];
            c += value * kernel[weight + 2];
            d += value * kernel[weight + 3];
          }
          result.set([a, b, c, d], pixel + o);
        }
      }
    }
    return result.map((value) => Math.max(0, value));
  }

  // Keep the largest value of each block; rows and columns that fill no block are left out.
  function maxPool(map, side, channels, block) {
    const width = Math.floor(side / block);
    const result = new Float32Array(width * width * channels); // after a ReLU, nothing lies below 0
    map.forEach((value, i) => {
      const pixel = Math.floor(i / channels);
      const [y, x] = [Math.floor(pixel / side / block), Math.floor((pixel % side) / block)];
      const to = (y * width + x) * channels + (i % channels);
      if (y < width && x < width && value > result[to]) result[to] = value;
    });
    return result;
  }

  // Average each channel, and give the means to a dense layer.
  function dense(map, { inputs, outputs, kernel, bias }) {
    const means = new Float64Array(inputs);
    map.forEach((value, i) => (means[i % inputs] += (value * inputs) / map.length));
    return Array.from(bias, (start, o) => means.reduce((sum, mean, i) => sum + mean * kernel[i * outputs + o], start));
  }

  function softmax(scores) {
    const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
    return powers.map((power) => power / powers.reduce((sum, other) => sum + other));
  }

  // Return the probabilities of all outputs for a digit in MNIST's form, and what the first layer makes of the digit.
  function run(layers, pixels) {
    let map = Float32Array.from(pixels, (pixel) => pixel / 255);
    let side = Math.sqrt(pixels.length);
    let first = null;
    for (const layer of layers.slice(0, -1)) {
      map = convolve(map, side, layer);
      side -= layer.size - 1;
      if (layer.pool > 1) map = maxPool(map, side, layer.outputs, layer.pool);
      side = Math.floor(side / layer.pool);
      first ??= { map, side, channels: layer.outputs };
    }
    return { outputs: softmax(dense(map, layers.at(-1))), first };
  }

  // Return a function that reads a digit in MNIST's form, 28 x 28 levels from 0 to 255, as DigitReader does: the ten
  // probabilities say which digit it is, if it is one, and `noDigit` how likely it is none.
  function open(network) {
    const layers = unpack(network);
    return (pixels) => {
      const { outputs, first } = run(layers, pixels);
      const noDigit = outputs[10] ?? 0;
      const sum = outputs.slice(0, 10).reduce((total, share) => total + share + 1e-9, 0);
      const probabilities = outputs.slice(0, 10).map((share) => (share + 1e-9) / sum);
      const confidence = Math.max(...probabilities);
      const digit = probabilities.indexOf(confidence);
      const answer = confidence < network.abstainBelow ? "not sure" : "digit";
      const outcome = noDigit > network.mostDoubt ? "no digit" : answer;
      return { outcome, digit, confidence, probabilities, noDigit, first };
    };
  }

  return { open };
})();
