/** Markdown tables of `processors.mjs`, ready for the documentation. */
import { table } from "../../lib/markdown.mjs";

/**
 * A model's answers on a CPU, compared with this machine's and with float32's.
 *
 * @typedef {{ model: string, rows: number, metric: number, seconds: number, alike: number, toNative: number, toFloat: number, isWrong: boolean }} Compared
 *
 * @typedef {object} Result
 * @property {string} name
 * @property {string} what
 * @property {string | undefined} [error]
 * @property {Record<string, unknown> | undefined} [found]
 * @property {import("./measure.mjs").Tests | undefined} [tests]
 * @property {Compared[]} answers
 */

/** @type {Readonly<Record<string, string>>} */
const PRODUCTS = { 64_770: "exact", 32_767: "saturate" };

/** Per CPU: the result of the probe, and its tests. */
export function processorsTable(/** @type {readonly Result[]} */ results) {
  return table(
    ["processor", "what", "uint8 x int8", "float32 sums", "tests passed", "failed", "seconds"],
    results.map(({ name, what, error, found, tests }) => [
      name,
      what,
      error === undefined
        ? (PRODUCTS[String(found?.["unsignedSigned"])] ??
          `returns ${found?.["unsignedSigned"]} instead of 64770`)
        : `failed: ${error.split("\n", 1).join()}`,
      found === undefined ? "" : found["fused"] ? "fused" : "rounded twice",
      tests?.passed ?? "",
      tests?.failed.length ?? "",
      tests?.seconds.toFixed(0) ?? "",
    ]),
  );
}

const points = (/** @type {number} */ share) => `${share >= 0 ? "+" : ""}${(100 * share).toFixed(2)}`;

/** Per CPU and model: answers equal to this machine's, the metric, and its difference to float32 on the same CPU. */
export function answersTable(/** @type {readonly Result[]} */ results, /** @type {string} */ metric) {
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
