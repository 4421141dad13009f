/** Tables in Markdown. */

/** @type {(cells: readonly unknown[]) => string} */
export const row = (cells) => `| ${cells.join(" | ")} |`;

export const table = (
  /** @type {readonly string[]} */ head,
  /** @type {readonly (readonly unknown[])[]} */ rows,
) => [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
