/** Table of predictions with references and images. */
import type { ReportSection, TableCell, TableColumn } from "./page.js";

export interface Prediction {
  readonly source: string;
  readonly expected: string;
  readonly got: string;
  /** Whether the prediction is correct; the task decides. */
  readonly isRight: boolean;
  /** Image of the source: the bytes of a PNG file. */
  readonly png?: Uint8Array;
}

const TEXT_COLUMNS: readonly TableColumn[] = [
  { title: "source", align: "left", wrap: true },
  { title: "expected", align: "left", wrap: true },
  { title: "got", align: "left", wrap: true },
  { title: "result", align: "left" },
];

/** A table of predictions. It has a column of images if any prediction has one. */
export function predictionsSection(heading: string, predictions: readonly Prediction[]): ReportSection {
  const hasPictures = predictions.some(({ png }) => png !== undefined);
  const right = predictions.filter(({ isRight }) => isRight).length;
  const rows = predictions.map(({ source, expected, got, isRight, png }): readonly TableCell[] => [
    ...(hasPictures ? [png === undefined ? "" : { text: `image of: ${source}`, png }] : []),
    source,
    expected,
    { text: got, tone: isRight ? "good" : "bad" },
    isRight ? "right" : "wrong",
  ]);
  const columns: readonly TableColumn[] = [
    ...(hasPictures ? [{ title: "picture", align: "left" } as const] : []),
    ...TEXT_COLUMNS,
  ];
  return { heading, text: `${right} of ${predictions.length} right`, table: { columns, rows } };
}
