/** Ways to decode the same rows, compared with the first of them: a line of JSON for each. */

const sum = (values) => values.reduce((total, value) => total + value, 0);
const round = (/** @type {number} */ value, digits = 3) => Number(value.toFixed(digits));
const percentile = (values, /** @type {number} */ share) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];

/** @param ways each with the names of its settings and `answers`, generations of the same rows in the same order */
export function draftLines(ways) {
  const measured = ways.map(({ answers, ...settings }) => ({
    settings,
    ...measure(answers, ways[0].answers),
  }));
  const [plain] = measured;
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

function measure(answers, plain) {
  const counts = answers.map(({ tokens, finished }) => tokens.length + (finished ? 1 : 0));
  const totals = answers.map(({ totalMs }) => totalMs);
  const firsts = answers.map(({ firstTokenMs }) => firstTokenMs);
  const runs = sum(answers.map(({ stepsMs }) => stepsMs.length));
  return {
    tokensPerRun: sum(counts) / runs,
    differing: answers.filter(
      ({ tokens, finished }, row) =>
        finished !== plain[row].finished || tokens.join() !== plain[row].tokens.join(),
    ).length,
    tokensPerSecond: (1000 * sum(counts)) / sum(totals),
    // Behind the first run, which also encodes.
    runMs: (sum(totals) - sum(firsts)) / Math.max(1, runs - answers.length),
    firstMs: percentile(firsts, 0.5),
    medianMs: percentile(totals, 0.5),
    p99Ms: percentile(totals, 0.99),
  };
}
