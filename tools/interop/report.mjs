/** Results of published files as Markdown: a row for each file, or a row for each package and kind. */

/**
 * What became of a published file.
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
/** Code and file name in front of a reason, where the file is named already. */
const REPEATED = /^[A-Z_]+: (?:[^ :]+: )?/u;
const row = (/** @type {readonly (string | undefined)[]} */ cells) => `| ${cells.map(cell).join(" | ")} |`;

/** Every file with its figures. */
export function fileTable(/** @type {readonly Result[]} */ results) {
  const rows = results.map(({ name, kind, read, converted, run, reference, figures, rejected, outcome }) =>
    row([
      name,
      kind,
      outcome,
      [read, converted, run].filter(Boolean).join("; "),
      reference,
      rejected ?? figures,
    ]),
  );
  return table(
    ["file", "kind", "outcome", "read, converted, run", "compared with", "figures"],
    rows,
    results,
  );
}

/** Every package once for each kind of file in it, and a line for each file that is neither the same nor only read. */
export function packageTable(/** @type {readonly Result[]} */ results) {
  const rows = [...grouped(results, ({ package: name, kind }) => `${name}\0${kind}`).values()].map((list) => {
    const [first] = list;
    const references = [...new Set(list.map(({ reference }) => reference).filter(Boolean))];
    return row([first?.package, first?.licence, first?.kind, countsOf(list), references.join(", ")]);
  });
  const others = results.filter(({ outcome }) => outcome === "rejected" || outcome === "differs");
  const notes = others.map(({ name, outcome, rejected, figures }) => {
    const [reason] = (rejected?.replace(REPEATED, "") ?? figures ?? "").split("\n");
    return `- ${name}, ${outcome}: ${reason}`;
  });
  const head = ["package", "licence", "kind", "files", "compared with"];
  return `${table(head, rows, results)}\n${notes.join("\n")}\n`;
}

function table(
  /** @type {string[]} */ head,
  /** @type {string[]} */ rows,
  /** @type {readonly Result[]} */ results,
) {
  const kinds = [...grouped(results, ({ kind }) => kind)];
  return [
    row(head),
    row(head.map(() => "---")),
    ...rows,
    "",
    ...kinds.map(([kind, list]) => `- ${kind}: ${list.length} files, ${countsOf(list)}`),
    `- together: ${results.length} files, ${countsOf(results)}`,
    "",
  ].join("\n");
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
