/** The page of `slm data inspect --html`: statistics and the first rows, with their images. */
import type { Inspection, Row } from "@slm/data";
import type { TableCell, TableColumn } from "@slm/report";
import { inspectionLines } from "./inspection-lines.js";

/** Longest side of an image on the page [pixels]. */
const PICTURE_PIXELS = 320;

const COLUMNS = ["source", "target", "teacherSource"] as const satisfies readonly (keyof Row)[];

/**
 * Returns the page as HTML.
 *
 * @param images folder that image paths are relative to
 */
export async function inspectionPage(title: string, report: Inspection, images: string): Promise<string> {
  const { reportPage } = await import("@slm/report");
  const { samples } = report;
  const shown = COLUMNS.filter((key) => samples.some((row) => row[key] !== undefined));
  const hasImages = samples.some(({ image }) => image !== undefined);
  const rows: (readonly TableCell[])[] = [];
  for (const row of samples) {
    const texts = shown.map((key) => row[key] ?? "");
    rows.push(hasImages ? [await pictureCell(row, images), ...texts] : texts);
  }
  const columns: readonly TableColumn[] = [
    ...(hasImages ? [{ title: "image", align: "left" } as const] : []),
    ...shown.map((title) => ({ title, align: "left", wrap: true }) as const),
  ];
  return reportPage({
    title,
    sections: [
      { heading: "Numbers", text: inspectionLines({ ...report, samples: [] }).join("\n") },
      ...(samples.length === 0 ? [] : [{ heading: "First rows", table: { columns, rows } }]),
    ],
  });
}

async function pictureCell({ image }: Row, images: string): Promise<TableCell> {
  if (image === undefined) return "";
  const { thumbnail } = await import("@slm/data");
  return { text: image, png: await thumbnail(images, image, PICTURE_PIXELS) };
}
