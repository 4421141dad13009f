/** Counts the images of a data set. */
import { LengthCounter, type LengthSummary } from "./statistics.js";
import type { Picture } from "../images/picture.js";

export interface ImageStatistics {
  /** Distinct images. */
  readonly files: number;
  readonly bytes: number;
  /** Pixels. */
  readonly widths: LengthSummary;
  readonly heights: LengthSummary;
}

export class ImageCounter {
  readonly #widths = new LengthCounter();
  readonly #heights = new LengthCounter();
  #files = 0;
  #bytes = 0;

  add({ width, height }: Pick<Picture, "width" | "height">, bytes: number): void {
    this.#files++;
    this.#bytes += bytes;
    this.#widths.add(width);
    this.#heights.add(height);
  }

  /** Undefined if there are no images. */
  summary(): ImageStatistics | undefined {
    if (this.#files === 0) return undefined;
    const [widths, heights] = [this.#widths.summary(), this.#heights.summary()];
    return { files: this.#files, bytes: this.#bytes, widths, heights };
  }
}
