/** What `processors.mjs` prints: Markdown, so that it can go into the documentation as it is. */

const row = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;
const table = (/** @type {string[]} */ head, rows) =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

const PRODUCTS = { 64_770: "exact", 32_767: "saturate" };

/** Per CPU: what its kernels compute, and its tests. */
export function processorsTable(results) {
  return table(
    ["processor", "what", "uint8 x int8", "float32 sums", "tests passed", "failed", "seconds"],
    results.map(({ name, what, error, found, tests }) => [
      name,
      what,
      error === undefined
        ? (PRODUCTS[found.unsignedSigned] ?? `gives ${found.unsignedSigned} for 64770`)
        : `failed: ${error.split("\n")[0]}`,
      found === undefined ? "" : found.fused ? "fused" : "rounded twice",
      tests?.passed ?? "",
      tests?.failed.length ?? "",
      tests?.seconds.toFixed(0) ?? "",
    ]),
  );
}

const points = (share) => `${share >= 0 ? "+" : ""}${(100 * share).toFixed(2)}`;

/** Per CPU and model: answers alike with this machine's, the metric, its distance from float32's there. */
export function answersTable(results, metric) {
  return table(
    [
      "processor",
      "model",
      "answers alike",
      `${metric} %`,
      "to native, points",
      "to float32, points",
      "seconds",
      "",
    ],
    results.flatMap(({ name, answers }) =>
      answers.map(({ model, alike, rows, metric: value, toNative, toFloat, seconds, isWrong }) => [
        name,
        model,
        `${alike} of ${rows}`,
        (100 * value).toFixed(2),
        points(toNative),
        points(toFloat),
        seconds.toFixed(0),
        isWrong ? "too far" : "",
      ]),
    ),
  );
}
