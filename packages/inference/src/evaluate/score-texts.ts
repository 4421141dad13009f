/** Log-likelihoods of given answers, from which perplexity is computed. */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { checkLength, languagesFor, resolvePrompt } from "../model-limits.js";
import { createGenerator } from "../generator.js";
import { loadModel } from "../loaded-model.js";
import { type Generator, type Source } from "../types.js";
import type { Runtime } from "@slm/runtime";
import { answerOpening, type LanguagePair, type Tokenizer } from "@slm/tokenizer";
import { isBlank } from "./references.js";
import { TeacherForcing } from "./teacher-forcing.js";

/** A source and the answer to be scored; an empty answer is the EOS token alone. */
export interface ScoredPair {
  readonly source: Source;
  readonly answer: string;
}

/** Negative log-likelihood of an answer: the sum of -ln p(token | source, tokens before it) [nats], and the number of tokens. */
export interface Likelihood {
  readonly nats: number;
  /** EOS included. */
  readonly tokens: number;
}

interface ScoreOptions {
  /** Pairs scored together. */
  readonly batchSize: number;
  /** Languages of sources and answers that name none. Default: the model's own. */
  readonly languages?: LanguagePair | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Scorer {
  /**
   * One likelihood per pair, in order. Calls must not overlap with each other or with generation.
   *
   * @throws SlmError DATA_INVALID naming a source or an answer that exceeds the model's limits; INTERRUPTED.
   */
  score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]>;
}

/**
 * Loads a model (an export, a quantized directory or a bundle) that generates and scores with one copy of its weights.
 *
 * @throws SlmError as `loadModel`
 */
export async function loadScoringGenerator(directory: string, runtime: Runtime): Promise<Generator & Scorer> {
  const forcing = new TeacherForcing(runtime);
  // Tokens are chosen from the replaced logits.
  const loaded = await loadModel(directory, forcing.runtime, { picks: false, draftTokens: 0 });
  return new ScoringGenerator(createGenerator(loaded, { draftTokens: 0 }), loaded.tokenizer, forcing);
}

/** Token ids of a pair, and its index in the caller's list. */
interface EncodedPair {
  readonly index: number;
  readonly source: Source;
  readonly sourceLength: number;
  /** Ids of the answer and the EOS token. */
  readonly target: readonly number[];
}

class ScoringGenerator implements Generator, Scorer {
  readonly #generator: Generator;
  readonly #tokenizer: Tokenizer;
  readonly #forcing: TeacherForcing;

  constructor(generator: Generator, tokenizer: Tokenizer, forcing: TeacherForcing) {
    this.#generator = generator;
    this.#tokenizer = tokenizer;
    this.#forcing = forcing;
  }

  get model(): DeviceModel {
    return this.#generator.model;
  }

  get languages(): Generator["languages"] {
    return this.#generator.languages;
  }

  get drafts(): Generator["drafts"] {
    return this.#generator.drafts;
  }

  async generate(...request: Parameters<Generator["generate"]>): ReturnType<Generator["generate"]> {
    if (this.#forcing.isActive) {
      throw new SlmError(
        "UNEXPECTED",
        "evaluate: a model that scores texts cannot generate at the same time",
      );
    }
    return this.#generator.generate(...request);
  }

  warmUp(): Promise<void> {
    return this.#generator.warmUp();
  }

  close(): Promise<void> {
    return this.#generator.close();
  }

  async score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]> {
    const { signal, languages } = options;
    const encoded = pairs.map((pair, index) => this.#encode(pair, index, languages));
    const likelihoods = new Map<number, Likelihood>();
    const sameLength = this.model.architecture === "decoder-only";
    // Static graphs take one text at a time, whatever the batch size.
    const batchSize = this.model.static === undefined ? options.batchSize : 1;
    for (const batch of planBatches(encoded, batchSize, sameLength)) {
      const nats = await this.#scoreBatch(batch, { signal, languages });
      batch.forEach(({ index, target }, row) => {
        likelihoods.set(index, { nats: nats[row]!, tokens: target.length });
      });
    }
    return pairs.map((_, index) => likelihoods.get(index)!);
  }

  #encode({ source, answer }: ScoredPair, index: number, given: LanguagePair | undefined): EncodedPair {
    const { architecture, maxTarget } = this.model;
    const where = `score: source ${index + 1}`;
    const text = resolvePrompt(typeof source === "string" ? { text: source } : source, this.model, where);
    const languages = languagesFor(source, given);
    answerOpening(this.#tokenizer, languages, where);
    const sourceLength = this.#tokenizer.encodeSource(text, languages).length;
    checkLength(sourceLength, this.model, where);
    const answerIds = isBlank(answer) ? [] : this.#tokenizer.encodeTarget(answer, languages);
    const target = [...answerIds, this.model.tokens.eos];
    // A decoder-only model keeps the source in the same cache.
    const room = architecture === "decoder-only" ? maxTarget - sourceLength : maxTarget;
    if (target.length > room) {
      throw new SlmError(
        "DATA_INVALID",
        `score: answer ${index + 1} has ${target.length} tokens with its EOS token, the model has room for ${room}`,
      );
    }
    return { index, source, sourceLength, target };
  }

  async #scoreBatch(
    batch: readonly EncodedPair[],
    options: Pick<ScoreOptions, "languages" | "signal">,
  ): Promise<readonly number[]> {
    const targets = batch.map(({ target }) => target);
    const { result, nats } = await this.#forcing.force(targets, () =>
      this.#generator.generate(
        batch.map(({ source }) => source),
        {
          ...options,
          strategy: { kind: "greedy" },
          batchSize: batch.length,
          maxTokens: Math.max(...targets.map(({ length }) => length)),
        },
      ),
    );
    // If rows were reordered, or a text ended early, the scores would belong to other texts.
    const isSaid = result.every(
      ({ tokens, finished }, row) => finished && sameIds(tokens, targets[row]!.slice(0, -1)),
    );
    if (!isSaid) throw new SlmError("UNEXPECTED", "evaluate: generation did not follow the given texts");
    return nats;
  }
}

/** Batches of pairs of similar length, in the generator's order; with `sameLength`, of one source length only. */
function planBatches(
  pairs: readonly EncodedPair[],
  size: number,
  sameLength: boolean,
): readonly (readonly EncodedPair[])[] {
  const sorted = [...pairs].sort(
    (x, y) => x.sourceLength - y.sourceLength || x.target.length - y.target.length || x.index - y.index,
  );
  const batches: EncodedPair[][] = [];
  for (const pair of sorted) {
    const open = batches.at(-1);
    const fits =
      open !== undefined &&
      open.length < size &&
      (!sameLength || open[0]!.sourceLength === pair.sourceLength);
    if (fits) open.push(pair);
    else batches.push([pair]);
  }
  return batches;
}

function sameIds(x: readonly number[], y: readonly number[]): boolean {
  return x.length === y.length && x.every((id, at) => id === y[at]);
}
