/** Options for reading a model file completely or as an outline. */
import type { TensorProto } from "onnx-buf";

/** Bytes of external tensors, read beforehand. */
export type ExternalBytes = ReadonlyMap<TensorProto, Uint8Array>;

/** Maximum number of notes per file. A malicious file could cause millions. */
const MAX_NOTES = 50;

/** The parts of a file that its outline omits, each once. */
export class Notes {
  readonly #texts = new Set<string>();
  #more = 0;

  add(text: string): void {
    if (this.#texts.has(text)) return;
    if (this.#texts.size < MAX_NOTES) this.#texts.add(text);
    else this.#more += 1;
  }

  list(): readonly string[] {
    return this.#more === 0 ? [...this.#texts] : [...this.#texts, `and ${this.#more} more`];
  }
}

export interface Reading {
  readonly external: ExternalBytes;
  /** Set when reading an outline: unsupported parts are noted here. Otherwise they are rejected. */
  readonly notes?: Notes;
}
