/** Results of published files in Markdown: a row per package and kind. */
import { table } from "../lib/markdown.mjs";

/**
 * The result for a published file.
 *
 * @typedef {object} Result
 * @property {string} name
 * @property {string} kind
 * @property {string} package
 * @property {string} licence
 * @property {string} outcome
 * @property {string} [expect]
 * @property {string | undefined} [read]
 * @property {string | undefined} [converted]
 * @property {string | undefined} [run]
 * @property {string | undefined} [reference]
 * @property {string | undefined} [figures]
 * @property {string | undefined} [rejected]
 */

const cell = (/** @type {string | undefined} */ text) =>
  (text ?? "").replaceAll("|", "\\|").replaceAll("\n", " ");
/** Error code and file name at the start of a reason, which the line already contains. */
const REPEATED = /^[A-Z_]+: (?:[^ :]+: )?/u;

/** A row for each package and kind of file, and a line for each file that differs or was rejected. */
export function packageTable(/** @type {readonly Result[]} */ results) {
  const rows = [...grouped(results, ({ package: name, kind }) => `${name}\0${kind}`).values()].map((list) => {
    const [first] = list;
    const references = [...new Set(list.map(({ reference }) => reference).filter(Boolean))];
    return [first?.package, first?.licence, first?.kind, countsOf(list), references.join(", ")].map(cell);
  });
  const others = results.filter(({ outcome }) => outcome === "rejected" || outcome === "differs");
  const notes = others.map(({ name, outcome, rejected, figures }) => {
    const [reason] = (rejected?.replace(REPEATED, "") ?? figures ?? "").split("\n");
    return `- ${name}, ${outcome}: ${reason}`;
  });
  const head = ["package", "licence", "kind", "files", "compared with"];
  const counts = [...grouped(results, ({ kind }) => kind)].map(
    ([kind, list]) => `- ${kind}: ${list.length} files, ${countsOf(list)}`,
  );
  const together = `- together: ${results.length} files, ${countsOf(results)}`;
  return `${[table(head, rows), "", ...counts, together, "", ...notes].join("\n")}\n`;
}

function countsOf(/** @type {readonly Result[]} */ results) {
  return [...grouped(results, ({ outcome }) => outcome)]
    .map(([outcome, list]) => `${list.length} ${outcome}`)
    .join(", ");
}

function grouped(/** @type {readonly Result[]} */ results, /** @type {(result: Result) => string} */ keyOf) {
  /** @type {Map<string, Result[]>} */
  const groups = new Map();
  for (const result of results) {
    const key = keyOf(result);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return groups;
}
