/** A self-contained HTML page: inline style, no script, no links, light or dark by the reader's preference. */
import { SlmError } from "@slm/core";
import { escapeHtml } from "./escape.js";
import { checkSvg } from "./safe-svg.js";

/** The style of every report. Wide tables and charts scroll in their own box, so the page never scrolls sideways. */
const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5c6670; --line: #dfe3e7; --page: #fff; --card: #f7f8f9;
  --good: #0b7a55; --bad: #b3361b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #9aa5b0; --line: #343b43; --page: #15181c; --card: #1d2126;
    --good: #4cc79a; --bad: #ff8a70; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: break-word; }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.5rem; }
p { margin: 0.5rem 0; max-width: 44rem; white-space: pre-line; }
.subtitle { color: var(--soft); }
figure, .scroll { overflow-x: auto; margin: 1rem 0; }
figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; }
figure svg { display: block; width: 100%; max-width: 640px; min-width: 430px; height: auto; margin: 0 auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.45rem 0.75rem; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
.left { text-align: left; }
.right { text-align: right; }
td img { display: block; max-width: 320px; image-rendering: auto; border: 1px solid var(--line); }
td.wrap { white-space: pre-wrap; min-width: 9rem; overflow-wrap: anywhere; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.best { font-weight: 700; }
@media print { figure { break-inside: avoid; } }
`;

export interface TableColumn {
  readonly title: string;
  readonly align: "left" | "right";
  /** Whether long texts wrap. Default: a cell is one line. */
  readonly wrap?: boolean;
}

/** Highlight of a cell; its text must carry the same information, for readers who cannot see colours. */
type CellTone = "good" | "bad" | "best";

/** An image inside the page. Its text is the alternative text for screen readers. */
interface PictureCell {
  readonly text: string;
  /** Bytes of a PNG file. */
  readonly png: Uint8Array;
}

export type TableCell = string | { readonly text: string; readonly tone: CellTone } | PictureCell;

export interface Table<Cell extends TableCell = string> {
  readonly columns: readonly TableColumn[];
  /** Formatted cells; units are in the cell or in the column title. */
  readonly rows: readonly (readonly Cell[])[];
}

export interface ReportSection {
  readonly heading: string;
  /** Plain text; an empty line begins a new paragraph. */
  readonly text?: string | undefined;
  readonly table?: Table<TableCell>;
  /** A chart of this package, or several. */
  readonly svg?: string | readonly string[];
}

export interface ReportPage {
  readonly title: string;
  readonly subtitle?: string;
  readonly sections: readonly ReportSection[];
}

/**
 * The page as HTML text. Every string is shown as written, never read as markup; charts may hold only shapes and text.
 *
 * @throws SlmError DATA_INVALID if a table row does not have one cell per column, a chart holds anything but shapes and text, or the
 * image of a cell is not PNG.
 */
export function reportPage({ title, subtitle, sections }: ReportPage): string {
  const intro = subtitle === undefined ? "" : `\n<p class="subtitle">${escapeHtml(subtitle)}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(title)}</h1>${intro}
</header>
${sections.map(renderSection).join("\n")}
</main>
</body>
</html>
`;
}

function renderSection({ heading, text, table, svg }: ReportSection): string {
  const charts = svg === undefined ? [] : typeof svg === "string" ? [svg] : svg;
  const parts = [
    `<h2>${escapeHtml(heading)}</h2>`,
    ...(text ?? "")
      .split(/\n\s*\n/)
      .filter((paragraph) => paragraph.trim() !== "")
      .map((paragraph) => `<p>${escapeHtml(paragraph.trim())}</p>`),
    ...charts.map((chart) => `<figure>${checkSvg(chart)}</figure>`),
    ...(table === undefined ? [] : [renderTable(table, heading)]),
  ];
  return `<section>\n${parts.join("\n")}\n</section>`;
}

function renderTable({ columns, rows }: Table<TableCell>, heading: string): string {
  const head = columns.map((column) => renderCell("th", column, column.title)).join("");
  const body = rows.map((row, index) => {
    if (row.length !== columns.length) {
      throw new SlmError(
        "DATA_INVALID",
        `report: row ${index + 1} of the table under "${heading}" has ${row.length} cells, ` +
          `expected ${columns.length}`,
      );
    }
    return `<tr>${columns.map((column, place) => renderCell("td", column, row[place] ?? "")).join("")}</tr>`;
  });
  return `<div class="scroll"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table></div>`;
}

function renderCell(tag: "th" | "td", { align, wrap }: TableColumn, cell: TableCell): string {
  if (typeof cell !== "string" && "png" in cell)
    return `<${tag} class="${align}">${renderPicture(cell)}</${tag}>`;
  const { text, tone } = typeof cell === "string" ? { text: cell, tone: undefined } : cell;
  const isText = wrap === true;
  const classes = [align, ...(isText ? ["wrap"] : []), ...(tone === undefined ? [] : [tone])];
  // dir="auto": each text has the direction of its script.
  const direction = isText ? ' dir="auto"' : "";
  return `<${tag} class="${classes.join(" ")}"${direction}>${escapeHtml(text)}</${tag}>`;
}

const PNG_SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex");

function renderPicture({ text, png }: PictureCell): string {
  if (!PNG_SIGNATURE.equals(png.subarray(0, PNG_SIGNATURE.length)))
    throw new SlmError(
      "DATA_INVALID",
      `report: the picture "${text.slice(0, 80)}" has ${png.length} bytes that are no PNG file`,
    );
  const address = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  return `<img src="${address}" alt="${escapeHtml(text)}">`;
}
