import type { StepDecoder } from "@slm/generation";
import { createHostTensor, type HostTensor } from "@slm/runtime";

/** A decoder without a cache: each step runs the whole target again and masks later positions. */
export class WholeTargetDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly #length: number;
  readonly #run: (target: HostTensor) => Promise<Float32Array>;
  /** Releases the resources of `run`. */
  readonly close: () => Promise<void>;
  #ids: Int32Array;
  #position = 0;

  constructor(
    [rowCount = 0, length = 0]: readonly number[],
    vocabularySize: number,
    run: (target: HostTensor) => Promise<Float32Array>,
    close: () => Promise<void>,
  ) {
    this.rows = rowCount;
    this.vocabularySize = vocabularySize;
    this.#length = length;
    this.#run = run;
    this.close = close;
    this.#ids = new Int32Array(rowCount * length);
  }

  async step(tokens: Int32Array): Promise<Float32Array> {
    const at = this.#position++;
    tokens.forEach((token, row) => (this.#ids[row * this.#length + at] = token));
    const logits = await this.#run(createHostTensor("int32", [this.rows, this.#length], this.#ids));
    const last = new Float32Array(this.rows * this.vocabularySize);
    for (let row = 0; row < this.rows; row++) {
      const from = (row * this.#length + at) * this.vocabularySize;
      last.set(logits.subarray(from, from + this.vocabularySize), row * this.vocabularySize);
    }
    return last;
  }

  permuteRows(order: readonly number[]): Promise<void> {
    const ids = new Int32Array(this.#ids.length);
    order.forEach((from, row) => {
      ids.set(this.#ids.subarray(from * this.#length, (from + 1) * this.#length), row * this.#length);
    });
    this.#ids = ids;
    return Promise.resolve();
  }
}
