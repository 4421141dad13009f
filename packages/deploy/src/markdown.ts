/** Writes Markdown in which all inputs are literal text. */

/**
 * Escapes a text so that Markdown and HTML show it literally, on one line. Only markup is escaped, so that the source is readable
 * too: 0.9, tokenizer_config.json and parentheses stay as they are.
 */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[\\`*[\]|~$]/g, "\\$&")
    .replace(/\]\(([^)]*)\)/g, "]\\($1\\)")
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/^[-=+#]/, "\\$&")
    .replace(/^(\d+)([.)])(?=\s|$)/, "$1\\$2");
}

export interface MarkdownColumn {
  readonly title: string;
  readonly align?: "right";
}

/** A table whose cells are already Markdown. */
export function table(columns: readonly MarkdownColumn[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === "right" ? "---:" : "---"))),
    ...rows.map(line),
  ].join("\n");
}

/** 1,234,567 */
export function integer(value: number): string {
  return new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 }).format(value);
}

/** Four significant digits: 0.1234, 12.35, 1,235 */
export function decimal(value: number): string {
  return new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 }).format(value);
}

/** Size in MB (10^6 bytes) and exactly. */
export function size(bytes: number): string {
  return `${decimal(bytes / 1e6)} MB (${integer(bytes)} bytes)`;
}
