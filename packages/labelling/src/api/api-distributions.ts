/**
 * Converts a server's stored answers to distributions over the student's tokens, for the cache.
 *
 * Without log-probabilities the label counts as certain: at positions where the server sent none, and in training rows, because their
 * targets are not the server's. The teacher's loss term then equals cross-entropy.
 */
import type { Row } from "@slm/data";
import { createHostTensor, type DeviceTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import type { Tokenizer } from "@slm/tokenizer";
import { keyOf, labelsOnlyTeacher, type ScoredPair, type ScoreShape, type Teacher } from "@slm/teacher";
import type { ApiLabeller } from "./api-labeller.js";
import { TargetDistributions, type SparseDistribution } from "./target-distributions.js";

/** Finite log-probability of the other tokens if there is no tail. */
const LEAST_LOGIT = Math.log(1e-9);

export interface ApiDistributionsOptions {
  readonly labeller: ApiLabeller;
  /** The student's tokenizer. */
  readonly tokenizer: Tokenizer;
  readonly engine: Engine;
  /** A target of the data, see `addedTexts`. */
  readonly example: string;
}

export class ApiDistributions {
  readonly #options: ApiDistributionsOptions;
  readonly #distributions: TargetDistributions;
  /** Rows that the server labelled, by the key of their tokens. */
  readonly #rows = new Map<string, Pick<Row, "source" | "target">>();

  constructor(options: ApiDistributionsOptions) {
    this.#options = options;
    this.#distributions = new TargetDistributions(options.tokenizer, options.example);
  }

  /** Adds a row that the server labelled. */
  add({ source, target }: Pick<Row, "source" | "target">): void {
    const { tokenizer } = this.#options;
    const pair = { source: tokenizer.encodeSource(source), target: tokenizer.encodeTarget(target) };
    this.#rows.set(keyOf(pair).toString("hex"), { source, target });
  }

  /** A teacher for the cache, with logits over the student's vocabulary. It can only score. */
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

/** Log-probabilities `[vocabulary]` of a distribution; all other tokens share the tail equally. */
function fill(logits: Float32Array, { masses, tail }: SparseDistribution): void {
  const share = tail / Math.max(1, logits.length - masses.size);
  logits.fill(Math.max(LEAST_LOGIT, Math.log(share)));
  for (const [id, mass] of masses) logits[id] = Math.max(LEAST_LOGIT, Math.log(mass));
}
