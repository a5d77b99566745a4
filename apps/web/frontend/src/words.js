// What is said in several places, said in one way.
export function percent(share) {
  if (share > 0.995 && share < 1) return ">99%"; // no network is ever quite sure
  if (share < 0.005 && share > 0) return "<1%";
  return `${Math.round(100 * share)}%`;
}

// Return the digits of an answer, likeliest first, each with its share.
export const guesses = (answer) =>
  answer.probabilities.map((share, digit) => ({ digit, share })).sort((one, other) => other.share - one.share);

// Return an answer as one sentence, for the history and for screen readers.
export function sentence(answer) {
  if (answer.digit === null) return `${answer.title}: no digit, ${answer.reason}`;
  return `${answer.title}: ${answer.digit}, ${percent(answer.confidence)} sure`;
}
