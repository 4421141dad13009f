/** Writes a self-contained HTML page: inline style, no scripts, no external files, light or dark by the reader's preference. */
import { SlmError } from "@slm/core";
import { escapeHtml } from "./escape.js";

/**
 * The style of every report. On screen, a table wider than the page scrolls in its own box, so the page never scrolls sideways. In
 * print, cells wrap, rows and charts are not split, and folded sections are open.
 */
const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5c6670; --line: #dfe3e7; --page: #fff; --card: #f7f8f9;
  --good: #0b7a55; --bad: #b3361b; --accent: #2f7fd0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #9aa5b0; --line: #343b43; --page: #15181c; --card: #1d2126;
    --good: #4cc79a; --bad: #ff8a70; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: break-word; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.5rem; break-after: avoid; }
p { margin: 0.5rem 0; max-width: 50rem; white-space: pre-line; }
.subtitle { font-size: 1.1rem; margin-top: 0.75rem; }
dl { margin: 0; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; margin-top: 1.25rem; font-size: 0.9rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.75rem; margin-top: 1.25rem; }
.headline div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem;
  display: flex; flex-direction: column; break-inside: avoid; }
.headline div:first-child { border-top: 3px solid var(--accent); }
.headline dt { color: var(--soft); font-size: 0.85rem; }
.headline dd { margin: 0; }
.headline .value { font-size: 1.45rem; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.3; }
.headline .note { color: var(--soft); font-size: 0.8rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 0.75rem; margin: 1rem 0; }
figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 0; break-inside: avoid; }
figure svg { display: block; width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 0.6rem; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: normal; vertical-align: bottom; }
tr { break-inside: avoid; }
.left { text-align: left; }
.right { text-align: right; }
td img { display: block; max-width: 320px; image-rendering: auto; border: 1px solid var(--line); }
td.wrap { white-space: pre-wrap; min-width: 7rem; overflow-wrap: anywhere; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.best { font-weight: 700; }
a { color: inherit; text-underline-offset: 0.2em; }
summary { cursor: pointer; margin: 2.5rem 0 0.5rem; }
summary h2 { display: inline; }
@media (max-width: 40rem) {
  th, td { white-space: normal; padding: 0.3rem 0.35rem; }
  table { font-size: 0.8rem; }
  td.wrap { min-width: 5.25rem; }
  td.good, td.bad { white-space: nowrap; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --page: #fff; --card: #fff; --good: #0b7a55; --bad: #b3361b; }
  @page { margin: 14mm; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2, summary { margin-top: 1.4rem; }
  .scroll { overflow: visible; }
  .charts { grid-template-columns: 1fr 1fr; }
  figure { padding: 0.5rem; }
  table { font-size: 8.5pt; }
  th, td { padding: 0.2rem 0.4rem; white-space: normal; overflow-wrap: anywhere; }
  td.wrap { min-width: 0; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
}
`;

export interface TableColumn {
  readonly title: string;
  readonly align: "left" | "right";
  /** Whether long texts wrap. Default: false, a cell is one line. */
  readonly wrap?: boolean;
}

/** Highlight of a cell. Its text must say the same, for readers who cannot see colours. */
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
  /** Plain text; an empty line starts a new paragraph. */
  readonly text?: string | undefined;
  readonly table?: Table<TableCell>;
  /** Charts of this package, as SVG. */
  readonly svg?: string | readonly string[];
  /** Whether the section is folded until the reader opens it. In print it is open. */
  readonly folded?: boolean | undefined;
}

/** A figure in large type under the title. */
export interface HeadlineFigure {
  readonly label: string;
  /** Number with its unit. */
  readonly value: string;
  /** Short explanation or confidence interval. */
  readonly note?: string | undefined;
}

/** Facts under the title: a name and a text each. */
export type Fact = readonly [name: string, text: string];

export interface ReportPage {
  readonly title: string;
  /** The answer to the reader's first question, in a few sentences. */
  readonly subtitle?: string | undefined;
  /** Figures in large type, the most important one first. */
  readonly headline?: readonly HeadlineFigure[] | undefined;
  /** Under the figures: task, run, date, data. */
  readonly facts?: readonly Fact[] | undefined;
  readonly sections: readonly ReportSection[];
}

/**
 * The page as HTML. Every string is escaped, so none is read as markup. Charts may contain only shapes and text.
 *
 * @throws SlmError DATA_INVALID if a table row does not have one cell per column, a chart contains anything but shapes and text, or the
 * image of a cell is not a PNG file.
 */
export function reportPage({ title, subtitle, facts = [], headline = [], sections }: ReportPage): string {
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
<h1>${escapeHtml(title)}</h1>${intro}${renderHeadline(headline)}${renderFacts(facts)}
</header>
${sections.map((section) => renderSection(section, title)).join("\n")}
</main>
</body>
</html>
`;
}

function renderFacts(facts: readonly Fact[]): string {
  if (facts.length === 0) return "";
  const items = facts.map(([name, text]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(text)}</dd>`);
  return `\n<dl class="facts">\n${items.join("\n")}\n</dl>`;
}

function renderHeadline(figures: readonly HeadlineFigure[]): string {
  if (figures.length === 0) return "";
  const items = figures.map(({ label, value, note }) => {
    const small = note === undefined ? "" : `<dd class="note">${escapeHtml(note)}</dd>`;
    return `<div><dt>${escapeHtml(label)}</dt><dd class="value">${escapeHtml(value)}</dd>${small}</div>`;
  });
  return `\n<dl class="headline">\n${items.join("\n")}\n</dl>`;
}

/** A section; without its heading if the page has the same title. */
function renderSection(
  { heading, text, table, svg, folded = false }: ReportSection,
  pageTitle: string,
): string {
  const charts = svg === undefined ? [] : typeof svg === "string" ? [svg] : svg;
  const title = heading === pageTitle ? "" : `<h2>${escapeHtml(heading)}</h2>`;
  const parts = [
    ...(text ?? "")
      .split(/\n\s*\n/)
      .filter((paragraph) => paragraph.trim() !== "")
      .map((paragraph) => `<p>${escapeHtml(paragraph.trim())}</p>`),
    ...(charts.length === 0
      ? []
      : [`<div class="charts">\n${charts.map((chart) => `<figure>${chart}</figure>`).join("\n")}\n</div>`]),
    ...(table === undefined ? [] : [renderTable(table, heading)]),
  ];
  const body = parts.join("\n");
  return folded
    ? `<section>\n<details>\n<summary>${title}</summary>\n${body}\n</details>\n</section>`
    : `<section>\n${title}\n${body}\n</section>`;
}

/**
 * The table transposed, with its first column as titles. Makes a table that is wider than long fit a page.
 */
export function transposedTable<Cell extends TableCell>({
  columns,
  rows,
}: Table<Cell>): Table<Cell | string> {
  const [first, ...rest] = columns;
  const names = rows.map((row) => textOf(row[0]!));
  return {
    columns: [
      { title: first?.title ?? "", align: "left", wrap: true },
      ...names.map((title) => ({ title, align: "right" as const })),
    ],
    rows: rest.map(({ title }, place) => [title, ...rows.map((row) => row[place + 1]!)]),
  };
}

const textOf = (cell: TableCell): string => (typeof cell === "string" ? cell : cell.text);

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
  // dir="auto": the browser chooses the direction by the script of the text.
  const direction = isText ? ' dir="auto"' : "";
  return `<${tag} class="${classes.join(" ")}"${direction}>${escapeHtml(text)}</${tag}>`;
}

const PNG_SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex");

function renderPicture({ text, png }: PictureCell): string {
  if (!PNG_SIGNATURE.equals(png.subarray(0, PNG_SIGNATURE.length)))
    throw new SlmError(
      "DATA_INVALID",
      `report: the image "${text.slice(0, 80)}" is not a PNG file (${png.length} bytes)`,
    );
  const address = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  return `<img src="${address}" alt="${escapeHtml(text)}">`;
}
