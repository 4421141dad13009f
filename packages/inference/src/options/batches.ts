/** Groups sources into batches. */
import type { AnswerOpening } from "@slm/tokenizer";
import type { ImageSource } from "@slm/vision";

/** Token ids of a source, and its image. */
export interface EncodedSource {
  readonly ids: readonly number[];
  /** Present only for vision-language models. */
  readonly image?: ImageSource | undefined;
  /** The tokens that the answer begins with, if languages were given. */
  readonly opening?: AnswerOpening | undefined;
}

/** A source and its index in the caller's list. */
export interface IndexedSource extends EncodedSource {
  readonly row: number;
  /** The text that `ids` were encoded from. */
  readonly text: string;
}

/**
 * Batches of at most `size` sources. Sources are sorted by length, otherwise they stay in order, so that a batch needs little padding. With `sameLength`, all
 * sources of a batch have the same length.
 */
export function planBatches<Planned extends IndexedSource>(
  sources: readonly Planned[],
  size: number,
  sameLength: boolean,
): readonly (readonly Planned[])[] {
  const sorted = [...sources].sort((x, y) => x.ids.length - y.ids.length);
  const batches: Planned[][] = [];
  for (const source of sorted) {
    const open = batches.at(-1);
    const fits =
      open !== undefined && open.length < size && (!sameLength || open[0]!.ids.length === source.ids.length);
    if (fits) open.push(source);
    else batches.push([source]);
  }
  return batches;
}
