/**
 * A teacher behind a server as far as its stored answers go: distributions over the student's tokens, for the cache.
 *
 * Where the server said nothing, the label counts as certain: at positions without log-probabilities, and in training rows, whose targets
 * are not the server's. There the teacher's term equals cross-entropy.
 */
import type { Row } from "@slm/data";
import { createHostTensor, type DeviceTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import type { Tokenizer } from "@slm/tokenizer";
import { keyOf, labelsOnlyTeacher, type ScoredPair, type ScoreShape, type Teacher } from "@slm/teacher";
import type { ApiLabeller } from "./api-labeller.js";
import { TargetDistributions, type SparseDistribution } from "./target-distributions.js";

/** Logarithm of the probability that tokens have where there is no tail, so that it is finite. */
const LEAST_LOGIT = Math.log(1e-9);

export interface ApiDistributionsOptions {
  readonly labeller: ApiLabeller;
  /** The student's. */
  readonly tokenizer: Tokenizer;
  readonly engine: Engine;
  /** A target of the data, see `addedTexts`. */
  readonly example: string;
}

export class ApiDistributions {
  readonly #options: ApiDistributionsOptions;
  readonly #distributions: TargetDistributions;
  /** Texts of the rows that the server labelled, by the key of their tokens. */
  readonly #rows = new Map<string, Pick<Row, "source" | "target">>();

  constructor(options: ApiDistributionsOptions) {
    this.#options = options;
    this.#distributions = new TargetDistributions(options.tokenizer, options.example);
  }

  /** Remembers a row that the server labelled. */
  add({ source, target }: Pick<Row, "source" | "target">): void {
    const { tokenizer } = this.#options;
    const pair = { source: tokenizer.encodeSource(source), target: tokenizer.encodeTarget(target) };
    this.#rows.set(keyOf(pair).toString("hex"), { source, target });
  }

  /** The teacher that the cache asks for logits over the student's vocabulary. It can only score. */
  get teacher(): Teacher {
    return labelsOnlyTeacher(this.#options.tokenizer, (pairs, shape) => this.#score(pairs, shape));
  }

  async #score(pairs: readonly ScoredPair[], { batch, target: length }: ScoreShape): Promise<DeviceTensor> {
    const { engine, tokenizer } = this.#options;
    const { vocabularySize, tokens } = tokenizer;
    const logits = new Float32Array(batch * length * vocabularySize);
    for (const [row, pair] of pairs.entries()) {
      const target = Array.from(pair.target);
      const distributions = await this.#distributionsOf(pair, target);
      for (let position = 0; position <= target.length; position++) {
        const begin = (row * length + position) * vocabularySize;
        const next = target[position] ?? tokens.eos;
        const certain = { masses: new Map([[next, 1]]), tail: 0 };
        fill(logits.subarray(begin, begin + vocabularySize), distributions?.[position] ?? certain);
      }
    }
    return engine.upload(createHostTensor("float32", [batch * length, vocabularySize], logits));
  }

  async #distributionsOf(
    pair: ScoredPair,
    target: readonly number[],
  ): Promise<readonly (SparseDistribution | undefined)[] | undefined> {
    const row = this.#rows.get(keyOf(pair).toString("hex"));
    const tokens = row && (await this.#options.labeller.tokensOf(row.source, row.target));
    return tokens && this.#distributions.of(target, tokens);
  }
}

/** Log-probabilities `[vocabulary]` of a distribution; all other tokens have equal shares of the tail. */
function fill(logits: Float32Array, { masses, tail }: SparseDistribution): void {
  const share = tail / Math.max(1, logits.length - masses.size);
  logits.fill(Math.max(LEAST_LOGIT, Math.log(share)));
  for (const [id, mass] of masses) logits[id] = Math.max(LEAST_LOGIT, Math.log(mass));
}
