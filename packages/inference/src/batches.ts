/** Which sources are decoded together. */
import type { ImageSource } from "@slm/vision";

/** A text as ids, and the image that it is about. */
export interface EncodedSource {
  readonly ids: readonly number[];
  /** Present exactly where the model sees. */
  readonly image?: ImageSource | undefined;
}

/** A source and its place in the caller's list. */
export interface IndexedSource extends EncodedSource {
  readonly row: number;
}

/**
 * Batches of at most `size` sources. Sources are sorted by length (then by place), so that those which share a batch
 * need little padding. `sameLength` allows none: then a batch holds sources of one length only.
 */
export function planBatches(
  sources: readonly IndexedSource[],
  size: number,
  sameLength: boolean,
): readonly (readonly IndexedSource[])[] {
  const sorted = [...sources].sort((x, y) => x.ids.length - y.ids.length || x.row - y.row);
  const batches: IndexedSource[][] = [];
  for (const source of sorted) {
    const open = batches.at(-1);
    const fits =
      open !== undefined && open.length < size && (!sameLength || open[0]!.ids.length === source.ids.length);
    if (fits) open.push(source);
    else batches.push([source]);
  }
  return batches;
}
