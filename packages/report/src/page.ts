/** One HTML file that needs nothing else: style inside, no script, no link, light or dark as the reader prefers. */
import { SlmError } from "@slm/core";
import { escapeHtml } from "./escape.js";
import { PAGE_STYLE } from "./page-style.js";
import { checkSvg } from "./safe-svg.js";

export interface TableColumn {
  readonly title: string;
  readonly align: "left" | "right";
  /** Long texts break into lines; otherwise a cell is one line. */
  readonly wrap?: boolean;
}

/** What a cell stands out by; its text must say it too, for who does not see colours. */
type CellTone = "good" | "bad" | "best";

/** A picture inside the page. Its text is read out to who does not see it. */
interface PictureCell {
  readonly text: string;
  /** Bytes of a PNG file. */
  readonly png: Uint8Array;
}

export type TableCell = string | { readonly text: string; readonly tone: CellTone } | PictureCell;

export interface Table<Cell extends TableCell = string> {
  readonly columns: readonly TableColumn[];
  /** Cells as they are to be read, units included or in the column title. */
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
 * @throws SlmError DATA_INVALID if a table row has not one cell per column, a chart holds anything but a picture, or the picture
 * of a cell is not PNG.
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
  // Texts of any script read in their own direction.
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
