/** Answers of a model beside what was expected, with the pictures that they are about. */
import type { ReportSection, TableCell, TableColumn } from "./page.js";

export interface Prediction {
  readonly source: string;
  readonly expected: string;
  readonly got: string;
  /** Whether what was got counts as right; which answers do is the task's affair. */
  readonly isRight: boolean;
  /** Bytes of the PNG file that the source is about. */
  readonly png?: Uint8Array;
}

const TEXT_COLUMNS: readonly TableColumn[] = [
  { title: "source", align: "left", wrap: true },
  { title: "expected", align: "left", wrap: true },
  { title: "got", align: "left", wrap: true },
  { title: "result", align: "left" },
];

/** A table of predictions; it has a column of pictures if any of them has one. */
export function predictionsSection(heading: string, predictions: readonly Prediction[]): ReportSection {
  const hasPictures = predictions.some(({ png }) => png !== undefined);
  const right = predictions.filter(({ isRight }) => isRight).length;
  const rows = predictions.map(({ source, expected, got, isRight, png }): readonly TableCell[] => [
    ...(hasPictures ? [png === undefined ? "" : { text: `picture of: ${source}`, png }] : []),
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
