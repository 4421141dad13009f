/** Greedy predictions of a model's current weights for a fixed set of texts, optionally with images. */
import { decode } from "@slm/generation";
import type { Tokenizer } from "@slm/tokenizer";
import { createOnPolicyDecoder, type OnPolicyDecoder } from "../on-policy/on-policy-decoder.js";
import type { LiveModel } from "../contract/training-contract.js";

/** Texts decoded together. */
const ROWS = 128;

/** An input: a text and, for a vision-language model, the pixel samples of its image (`towerSamples`). */
export interface SeenText {
  readonly source: string;
  readonly samples?: Uint8Array | undefined;
}

/** Decodes the same texts repeatedly, each time with the current weights. Programs are compiled once. */
export class GreedyPredictor {
  private readonly tokenizer: Tokenizer;
  private readonly sources: readonly Int32Array[];
  private readonly images: readonly (Uint8Array | undefined)[];
  private readonly maxTarget: number;
  /** Indices of sources by length, because batches of similar length end at about the same time. */
  private readonly order: readonly number[];
  private decoder: OnPolicyDecoder | undefined;

  /**
   * @param maxTarget largest number of tokens of a prediction, including EOS.
   * @throws SlmError DATA_INVALID for a text that the tokenizer rejects.
   */
  constructor(texts: readonly SeenText[], tokenizer: Tokenizer, maxTarget: number) {
    this.tokenizer = tokenizer;
    this.maxTarget = maxTarget;
    this.sources = texts.map(({ source }) => Int32Array.from(tokenizer.encodeSource(source)));
    this.images = texts.map(({ samples }) => samples);
    const { sources } = this;
    this.order = [...sources.keys()].sort((a, b) => sources[a]!.length - sources[b]!.length);
  }

  /** One prediction per text, in order. */
  async predict(live: LiveModel): Promise<string[]> {
    this.decoder ??= await createOnPolicyDecoder(live, this.shapeFor(live));
    const predictions = new Array<string>(this.sources.length).fill("");
    const { bos, eos, pad } = live.config.tokens;
    for (let begin = 0; begin < this.order.length; begin += this.decoder.shape.rows) {
      const batch = this.order.slice(begin, begin + this.decoder.shape.rows);
      const step = await this.decoder.start(
        batch.map((index) => this.sources[index]!),
        live.feeds,
        batch.flatMap((index) => this.images[index] ?? []),
      );
      const results = await decode(step, {
        bos,
        eos,
        pad,
        maxTokens: this.maxTarget,
        strategy: { kind: "greedy" },
      });
      batch.forEach((index, row) => (predictions[index] = this.tokenizer.decode(results[row]!.tokens)));
    }
    return predictions;
  }

  async close(): Promise<void> {
    await this.decoder?.close();
  }

  private shapeFor({ config }: LiveModel): OnPolicyDecoder["shape"] {
    const source = Math.max(1, ...this.sources.map(({ length }) => length));
    const prompt = config.architecture === "decoder-only" ? source : 0;
    return { rows: Math.min(ROWS, this.sources.length), source, capacity: prompt + this.maxTarget + 1 };
  }
}
