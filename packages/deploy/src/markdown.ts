/** Markdown in which everything given is text. */

/** Text that Markdown and HTML show as written, on one line. */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[\\`*_{}[\]()#+!|~$]/g, "\\$&")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/^([-=]|\d+\.)/, "\\$1");
}

export interface MarkdownColumn {
  readonly title: string;
  readonly align?: "right";
}

/** A table of cells that are Markdown already. */
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
