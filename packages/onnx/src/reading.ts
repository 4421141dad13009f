/** How a model file is read: kept whole, or only looked at. */
import type { TensorProto } from "onnx-buf";

/** Bytes of the tensors that lie outside the model file, read beforehand. */
export type ExternalBytes = ReadonlyMap<TensorProto, Uint8Array>;

/** Notes kept of one file; a hostile one could ask for millions. */
const MAX_NOTES = 50;

/** What a file says and an outline of it leaves out, each once. */
export class Notes {
  readonly #texts = new Set<string>();
  #more = 0;

  add(text: string): void {
    if (this.#texts.has(text)) return;
    if (this.#texts.size < MAX_NOTES) this.#texts.add(text);
    else this.#more += 1;
  }

  list(): readonly string[] {
    return this.#more === 0 ? [...this.#texts] : [...this.#texts, `and ${this.#more} more of the kind`];
  }
}

export interface Reading {
  readonly external: ExternalBytes;
  /** Given where the file is only looked at: what is not kept is noted here; otherwise it is rejected. */
  readonly notes?: Notes;
}
