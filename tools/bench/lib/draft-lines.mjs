/** Compares decoding settings on the same rows with the first setting. Prints a line of JSON per setting. */

/**
 * The fields of an answer that are used.
 *
 * @typedef {{ tokens: readonly number[], finished: boolean, firstTokenMs: number, totalMs: number, stepsMs: readonly number[] }} Answer
 */

const sum = (/** @type {readonly number[]} */ values) => values.reduce((total, value) => total + value, 0);
const round = (/** @type {number} */ value, digits = 3) => Number(value.toFixed(digits));
const percentile = (/** @type {readonly number[]} */ values, /** @type {number} */ share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;

/** @param ways each has the values of its settings and `answers`: generations for the same rows in the same order */
export function draftLines(
  /** @type {readonly ({ answers: readonly Answer[] } & Record<string, unknown>)[]} */ ways,
) {
  const [first] = ways;
  if (first === undefined) return [];
  const measured = ways.map(({ answers, ...settings }) => ({
    settings,
    ...measure(answers, first.answers),
  }));
  const plain = measure(first.answers, first.answers);
  return measured.map((way) =>
    JSON.stringify({
      ...way.settings,
      differing: way.differing,
      tokensPerRun: round(way.tokensPerRun, 2),
      tokensPerSecond: Math.round(way.tokensPerSecond),
      ratio: round(way.tokensPerSecond / plain.tokensPerSecond, 2),
      decodeRatio: round((way.tokensPerRun / way.runMs) * plain.runMs, 2),
      runMs: round(way.runMs),
      firstMs: round(way.firstMs),
      medianMs: round(way.medianMs, 2),
      p99Ms: round(way.p99Ms, 2),
      p99Ratio: round(way.p99Ms / plain.p99Ms, 2),
    }),
  );
}

function measure(/** @type {readonly Answer[]} */ answers, /** @type {readonly Answer[]} */ plain) {
  const counts = answers.map(({ tokens, finished }) => tokens.length + (finished ? 1 : 0));
  const totals = answers.map(({ totalMs }) => totalMs);
  const firsts = answers.map(({ firstTokenMs }) => firstTokenMs);
  const runs = sum(answers.map(({ stepsMs }) => stepsMs.length));
  return {
    tokensPerRun: sum(counts) / runs,
    differing: answers.filter(
      ({ tokens, finished }, row) =>
        finished !== plain[row]?.finished || tokens.join() !== plain[row].tokens.join(),
    ).length,
    tokensPerSecond: (1000 * sum(counts)) / sum(totals),
    // After the first run, which also encodes.
    runMs: (sum(totals) - sum(firsts)) / Math.max(1, runs - answers.length),
    firstMs: percentile(firsts, 0.5),
    medianMs: percentile(totals, 0.5),
    p99Ms: percentile(totals, 0.99),
  };
}
