/** A model in an external format, before its import: the output of format readers and the input of the importer. */

/** One tensor of an external checkpoint; its values stay on disk until they are read. */
export interface ExternalTensor {
  /** Its name in a Hugging Face directory, such as `model.layers.0.self_attn.q_proj.weight`. */
  readonly name: string;
  /** Sizes, slowest axis first, as PyTorch writes them: a linear layer is `[out, in]`. */
  readonly shape: readonly number[];
  /** Element type as the file calls it, such as `BF16` or `Q4_K`; for messages only. */
  readonly dtype: string;
  /**
   * All elements in row-major order, as a new float32 array that the caller may modify.
   *
   * @throws SlmError DATA_INVALID if the file does not match its header.
   */
  read(): Promise<Float32Array>;
  /**
   * The values of `read`, piece by piece, for formats that can be decoded in pieces: an embedding is most of a small model.
   *
   * @throws SlmError as `read`.
   */
  readPieces?(): AsyncIterable<Float32Array>;
}

export interface ExternalCheckpoint {
  /** The directory or file it came from, for messages. */
  readonly where: string;
  /** The model's `config.json` with Hugging Face keys (`architectures`, `hidden_size`, `rope_theta`, ...). */
  readonly config: Readonly<Record<string, unknown>>;
  /** Its `generation_config.json`, if there is one. */
  readonly generation?: Readonly<Record<string, unknown>> | undefined;
  /** Every tensor once; names are unique. */
  readonly tensors: readonly ExternalTensor[];
}
