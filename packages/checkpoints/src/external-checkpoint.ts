/** A model in an external format: the output of format readers and the input of the importer. */

/** A tensor of an external checkpoint. Its values stay on disk until they are read. */
export interface ExternalTensor {
  /** Name in a Hugging Face directory, such as `model.layers.0.self_attn.q_proj.weight`. */
  readonly name: string;
  /** Sizes, slowest axis first, as in PyTorch: a linear layer is `[out, in]`. */
  readonly shape: readonly number[];
  /** The file's name of the element type, such as `BF16` or `Q4_K`; for messages only. */
  readonly dtype: string;
  /**
   * All elements in row-major order, as a new float32 array that the caller may modify.
   *
   * @throws SlmError DATA_INVALID if the file does not match its header.
   */
  read(): Promise<Float32Array>;
  /**
   * The values of `read` in pieces, for formats that can be decoded in pieces: an embedding is most of a small model.
   *
   * @throws SlmError as `read`.
   */
  readPieces?(): AsyncIterable<Float32Array>;
}

export interface ExternalCheckpoint {
  /** The directory or file, for messages. */
  readonly where: string;
  /** The model's `config.json` with Hugging Face keys (`architectures`, `hidden_size`, `rope_theta`, ...). */
  readonly config: Readonly<Record<string, unknown>>;
  /** The model's `generation_config.json`, if there is one. */
  readonly generation?: Readonly<Record<string, unknown>> | undefined;
  /** All tensors; names are unique. */
  readonly tensors: readonly ExternalTensor[];
}
