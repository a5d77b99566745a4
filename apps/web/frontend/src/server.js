// Talk to the server; where it does not answer, wait until it does.
import { ref } from "vue";

const LARGEST = 10_000_000; // bytes of a file: the server takes no more
const TRIES = 3; // times that a picture is sent to a server which is there, but does not take it
const LONGEST = 60_000; // ms until a request counts as lost: a phone may send its photo over a slow line
const PATIENCE = 10_000; // ms that a person waits without a word
const BUSY = [429, 502, 503, 504]; // answers that mean: later

export const gone = ref(false);
export const model = ref(""); // the name of the one that reads
export class Refused extends Error {}
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const isTooLarge = (file) => file.size > LARGEST;
export const tooLarge = ({ name }) => `${name}: it's larger than ${LARGEST / 1e6} MB. Try a smaller picture.`;

// Have the picture read that `make` returns, asked again before each try; where it returns none, return null.
export async function read(make, ink = "auto") {
  for (let attempt = 1; ; attempt++) {
    const file = await make();
    if (!file) return null;
    const response = await send(file, ink);
    if (response?.ok) return (await response.json()).predictions[0];
    if (response && !BUSY.includes(response.status)) throw new Refused(await reason(response, file.name));
    const wait = 1000 * response?.headers.get("Retry-After") || 300 * attempt;
    if (attempt === TRIES || wait > PATIENCE) {
      throw new Refused(response ? await reason(response, file.name) : broken(file));
    }
    await sleep(wait);
    await untilReady();
  }
}

async function send(file, ink) {
  const body = new FormData();
  body.append("ink", ink);
  body.append("files", file);
  try {
    return await fetch("predict", { method: "POST", body, signal: AbortSignal.timeout(LONGEST) });
  } catch {
    return null; // the browser does not tell why: no network, no server, or a connection that was closed
  }
}

// Wait until the server is there, and say meanwhile that it is not.
export async function untilReady() {
  for (let wait = 500; !(await isReady()); wait = Math.min(2 * wait, 4000)) {
    gone.value = true;
    await sleep(wait);
  }
  gone.value = false;
}

async function isReady() {
  try {
    const response = await fetch("ready", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (response.ok) model.value = (await response.json()).model;
    return response.ok;
  } catch {
    return false;
  }
}

async function reason(response, name) {
  const detail = await response.json().then((answer) => answer.detail, () => null);
  const text = typeof detail === "string" ? detail : `the server refused it (status ${response.status})`;
  return text.includes(name) ? text : `${name}: ${text}`;
}

function broken(file) {
  const size = file.size / 1e6;
  const advice = size < 1 ? "Try again." : `At ${size.toFixed(1)} MB it may be too large: try a smaller picture.`;
  return `${file.name}: the connection broke while it was sent. ${advice}`;
}
