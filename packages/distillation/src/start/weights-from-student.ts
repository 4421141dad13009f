/** Initializes a student from an earlier one: copies its weights, and matches embedding rows by token text. */
import { hashJson, SlmError } from "@slm/core";
import { createRandom } from "@slm/generation";
import {
  EMBEDDING_WEIGHT,
  HEAD_WEIGHT,
  initializeWeights,
  parameterSpecs,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import { readCheckpoint } from "@slm/checkpoints";
import { createHostTensor } from "@slm/runtime";
import { readTokenizerFiles, type TokenizerFiles } from "@slm/tokenizer";
import { idsOf } from "./token-ids.js";

/** Settings that may differ: vocabularies, because tokens are matched by text, and length limits. */
const FREE: ReadonlySet<string> = new Set(["vocabularySize", "tokens", "maxSource", "maxTarget"]);

/**
 * Copies the weights of the checkpoint in `directory` to a student of the same shape. Embedding rows of new tokens are random.
 *
 * @throws SlmError CONFIG_INVALID naming the first setting that differs; INPUT_MISSING.
 */
export async function weightsFromStudent(
  config: ModelConfig,
  files: TokenizerFiles,
  directory: string,
  seed: number,
): Promise<Weights> {
  const given = await readCheckpoint(directory);
  checkShape(config, given.config, directory);
  const rows = rowsByText(await readTokenizerFiles(directory), files);
  const fresh = initializeWeights(config, createRandom(seed).next);
  const started = new Map(
    parameterSpecs(config).map(({ name }) => [name, given.weights.get(name) ?? fresh.get(name)!]),
  );
  for (const name of [EMBEDDING_WEIGHT, HEAD_WEIGHT]) {
    const [from, to] = [given.weights.get(name), fresh.get(name)];
    if (from === undefined || to === undefined) continue;
    const table = Float32Array.from(to.data as Float32Array);
    for (const { theirs, ours } of rows)
      table.set(
        (from.data as Float32Array).subarray(theirs * config.width, (theirs + 1) * config.width),
        ours * config.width,
      );
    started.set(name, createHostTensor("float32", to.shape, table));
  }
  return started;
}

function checkShape(own: ModelConfig, theirs: ModelConfig, directory: string): void {
  const [ours, given] = [own, theirs] as unknown as Readonly<Record<string, unknown>>[];
  const other = Object.keys({ ...ours, ...given }).find(
    (key) => !FREE.has(key) && hashJson(ours![key] ?? null) !== hashJson(given![key] ?? null),
  );
  if (other === undefined) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `distill: initialize.student ${directory}: ${other} is ${JSON.stringify(given![other])}, but the student's is ${JSON.stringify(ours![other])}`,
  );
}

/** Pairs of ids of tokens that are in both vocabularies. */
function rowsByText(
  theirs: TokenizerFiles,
  ours: TokenizerFiles,
): readonly { readonly theirs: number; readonly ours: number }[] {
  const known = idsOf(theirs);
  return [...idsOf(ours)].flatMap(([text, id]) => {
    const found = known.get(text);
    return found === undefined ? [] : [{ theirs: found, ours: id }];
  });
}
