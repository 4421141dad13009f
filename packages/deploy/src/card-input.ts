/** What a model card is told. Every number on a card comes from here or from model.json; what is absent is said to be. */

/** A task metric on one data set, before and after quantization. */
export interface CardMetric {
  readonly metric: string;
  /** Which rows: "test split of words.jsonl". */
  readonly dataset: string;
  /** Rows measured. */
  readonly n: number;
  readonly before?: number | undefined;
  readonly after?: number;
  /** 95 % confidence interval of `after`. */
  readonly interval?: { readonly low: number; readonly high: number } | undefined;
}

/** The part of a benchmark's result that a card shows. */
export interface CardBench {
  readonly device: {
    readonly cpu: string;
    readonly cores: number;
    readonly threads: number;
    readonly memoryBytes: number;
    readonly node: string;
    readonly provider: string;
    /** Whether the CPU stood in for the device. */
    readonly simulated?: boolean | undefined;
    /** How its CPU multiplies 8-bit integers. */
    readonly int8?: { readonly meaning: string } | undefined;
  };
  readonly models: readonly {
    readonly name: string;
    readonly firstTokenMs: { readonly p50: number; readonly p95: number };
    /** p5 is the slow tail: 95 % of the runs were faster. */
    readonly tokensPerSecond: { readonly p5: number; readonly p50: number };
    readonly peakRssBytes: number;
  }[];
  /** Reasons to read the figures with care. */
  readonly notes: readonly string[];
}

/** What the compiled graphs of one chip gave on rows, beside the CPU with the same portable graphs. */
export interface CardCompiled {
  readonly soc: string;
  /** Whether the vendor's simulator computed, not the chip. */
  readonly simulated: boolean;
  /** Which rows. */
  readonly dataset: string;
  readonly rows: number;
  readonly equalAnswers: number;
  readonly metrics: Readonly<Record<string, { readonly cpu: number; readonly device: number }>>;
}

export interface CardInput {
  readonly name?: string | undefined;
  readonly summary?: string | undefined;
  readonly intendedUse?: string | undefined;
  readonly limits?: readonly string[];
  readonly licences?: readonly { readonly of: string; readonly licence: string }[];
  readonly metrics?: readonly CardMetric[];
  /** Size of all graphs before quantization [bytes]. */
  readonly bytesBefore?: number;
  readonly bench?: CardBench | undefined;
  /** Whether speed was measured and is left out on purpose: times would make every run's card another. */
  readonly omitsBench?: boolean | undefined;
  readonly compiled?: readonly CardCompiled[] | undefined;
  /** Settings of the training that differ from their defaults, dotted key to value. */
  readonly training?: Readonly<Record<string, string | number | boolean>>;
  /** What the model was made from: role of the input and its hash. */
  readonly provenance?: readonly { readonly name: string; readonly sha256: string }[];
}
