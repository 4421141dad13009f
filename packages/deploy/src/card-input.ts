/** Input of a model card. Every number on a card comes from here or from model.json; the card says which facts are missing. */

/** A task metric on one data set, before and after quantization. */
export interface CardMetric {
  readonly metric: string;
  /** Name of the rows: "test split of words.jsonl". */
  readonly dataset: string;
  /** Number of rows. */
  readonly n: number;
  readonly before?: number | undefined;
  readonly after?: number;
  /** 95 % confidence interval of `after`. */
  readonly interval?: { readonly low: number; readonly high: number } | undefined;
}

/** Answers of the graphs compiled for one chip, compared with the same portable graphs on the CPU. */
export interface CardCompiled {
  readonly soc: string;
  /** Whether the vendor's simulator was used instead of the chip. */
  readonly simulated: boolean;
  /** Name of the rows. */
  readonly dataset: string;
  readonly rows: number;
  readonly equalAnswers: number;
  readonly metrics: Readonly<Record<string, { readonly cpu: number; readonly device: number }>>;
}

export interface CardInput {
  readonly name?: string | undefined;
  readonly summary?: string | undefined;
  /** Inputs to try. */
  readonly examples?: readonly string[];
  readonly intendedUse?: string | undefined;
  readonly limits?: readonly string[];
  readonly licences?: readonly { readonly of: string; readonly licence: string }[];
  readonly metrics?: readonly CardMetric[];
  /** Size of all graphs before quantization [bytes]. */
  readonly bytesBefore?: number;
  readonly compiled?: readonly CardCompiled[] | undefined;
  /** Training settings that differ from their defaults, by dotted key. */
  readonly training?: Readonly<Record<string, string | number | boolean>>;
  /** Inputs of the model: role and hash. */
  readonly provenance?: readonly { readonly name: string; readonly sha256: string }[];
}
