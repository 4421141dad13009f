/** A model as others store it, before it becomes one of ours: what readers of external formats give and the importer takes. */

/** One tensor of a external checkpoint; its numbers stay on disk until they are read. */
export interface ExternalTensor {
  /** Its name in a Hugging Face directory, such as `model.layers.0.self_attn.q_proj.weight`. */
  readonly name: string;
  /** Sizes, slowest axis first, as PyTorch writes them: a linear layer is `[out, in]`. */
  readonly shape: readonly number[];
  /** Element type as the file calls it, such as `BF16` or `Q4_K`; for messages only. */
  readonly dtype: string;
  /**
   * All elements in row-major order, as float32, in memory of their own: the caller may change them.
   *
   * @throws SlmError DATA_INVALID if the file does not hold what its header says.
   */
  read(): Promise<Float32Array>;
  /**
   * What `read` gives, piece by piece, for formats that need not hold a tensor whole: an embedding is most of a small model.
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
  /** Every tensor once; names are unique. */
  readonly tensors: readonly ExternalTensor[];
}
