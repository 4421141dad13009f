/** Log-likelihoods of given answers, from which perplexity is computed. */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { checkLength, languagesFor, resolvePrompt } from "../options/model-limits.js";
import type {
  GenerateOptions,
  Generation,
  Likelihood,
  ScoredPair,
  ScoreOptions,
  Source,
} from "../options/types.js";
import { answerOpening, type LanguagePair, type Tokenizer } from "@slm/tokenizer";
import { isBlank } from "../evaluate/references.js";
import type { Decoding } from "../load/decoding.js";
import type { TeacherForcing } from "./teacher-forcing.js";

/** Scores texts: a model that generates from logits that were replaced so that it generates the given texts. */
export interface ScoringParts {
  readonly model: DeviceModel;
  readonly tokenizer: Tokenizer;
  readonly forcing: TeacherForcing;
  /** Which texts are decoded together; see `Decoding`. */
  readonly together: Decoding["together"];
  readonly generate: (sources: readonly Source[], options: GenerateOptions) => Promise<readonly Generation[]>;
}

/** Token ids of a pair, and its index in the caller's list. */
interface EncodedPair {
  readonly index: number;
  readonly source: Source;
  readonly sourceLength: number;
  /** Ids of the answer and the EOS token. */
  readonly target: readonly number[];
}

/** One likelihood per pair, in order. @throws SlmError as `Model.score` */
export async function scoreTexts(
  parts: ScoringParts,
  pairs: readonly ScoredPair[],
  options: ScoreOptions,
): Promise<readonly Likelihood[]> {
  const { together } = parts;
  const { signal, languages } = options;
  const encoded = pairs.map((pair, index) => encodePair(parts, pair, index, languages));
  const likelihoods = new Map<number, Likelihood>();
  const batchSize = together === "none" ? 1 : options.batchSize;
  for (const batch of planBatches(encoded, batchSize, together === "equal-lengths")) {
    const nats = await scoreBatch(parts, batch, { signal, languages });
    batch.forEach(({ index, target }, row) => {
      likelihoods.set(index, { nats: nats[row]!, tokens: target.length });
    });
  }
  return pairs.map((_, index) => likelihoods.get(index)!);
}

function encodePair(
  { model, tokenizer }: ScoringParts,
  { source, answer }: ScoredPair,
  index: number,
  given: LanguagePair | undefined,
): EncodedPair {
  const { architecture, maxTarget } = model;
  const where = `score: source ${index + 1}`;
  const text = resolvePrompt(typeof source === "string" ? { text: source } : source, model, where);
  const languages = languagesFor(source, given);
  answerOpening(tokenizer, languages, where);
  const sourceLength = tokenizer.encodeSource(text, languages).length;
  checkLength(sourceLength, model, where);
  const answerIds = isBlank(answer) ? [] : tokenizer.encodeTarget(answer, languages);
  const target = [...answerIds, model.tokens.eos];
  // A decoder-only model keeps the source in the same cache.
  const room = architecture === "decoder-only" ? maxTarget - sourceLength : maxTarget;
  if (target.length > room) {
    throw new SlmError(
      "DATA_INVALID",
      `score: answer ${index + 1} has ${target.length} tokens including EOS, the model has room for ${room}`,
    );
  }
  return { index, source, sourceLength, target };
}

async function scoreBatch(
  { forcing, generate }: ScoringParts,
  batch: readonly EncodedPair[],
  options: Pick<ScoreOptions, "languages" | "signal">,
): Promise<readonly number[]> {
  const targets = batch.map(({ target }) => target);
  const { result, nats } = await forcing.force(targets, () =>
    generate(
      batch.map(({ source }) => source),
      {
        ...options,
        strategy: { kind: "greedy" },
        batchSize: batch.length,
        maxTokens: Math.max(...targets.map(({ length }) => length)),
      },
    ),
  );
  // If rows were reordered or a text ended early, the scores would belong to other texts.
  const isSaid = result.every(
    ({ tokens, finished }, row) => finished && sameIds(tokens, targets[row]!.slice(0, -1)),
  );
  if (!isSaid) throw new SlmError("UNEXPECTED", "evaluate: generation did not follow the given texts");
  return nats;
}

/** Batches of pairs of similar length, in the generator's order; with `sameLength`, the sources of a batch have the same length. */
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
