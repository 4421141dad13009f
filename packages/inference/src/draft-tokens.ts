/** How many drafts of a model's heads a run verifies. */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { isRuling } from "@slm/decoding";
import type { CopyRule } from "@slm/runtime";
import type { BatchOptions } from "./batch-options.js";
import type { EncodedSource } from "./batches.js";

/**
 * Weight formats with dynamically quantized activations, scaled by the largest value of a run. With them the token after a position
 * would depend on the draft tokens that follow.
 */
const RUN_SCALED: ReadonlySet<string> = new Set(["int8-dynamic"]);

/** Why drafts would change the answers of a model; undefined where they do not. */
function draftProblem({ graphs }: Pick<DeviceModel, "graphs">): string | undefined {
  const { scheme } = graphs.decoder;
  return RUN_SCALED.has(scheme)
    ? `drafts would change the answers of a decoder quantized to ${scheme}, whose activations share one scale per run`
    : undefined;
}

/** @throws SlmError OP_UNSUPPORTED for a model whose answers draft tokens would change */
export function checkDrafts(model: Pick<DeviceModel, "name" | "graphs">): void {
  const problem = draftProblem(model);
  if (problem === undefined) return;
  throw new SlmError("OP_UNSUPPORTED", `${model.name}: ${problem}`, {
    suggestions: ["slm quantize EXPORT --scheme cpu", "slm quantize EXPORT --scheme int4-block"],
  });
}

/** How answers of a model are copied from a source. What follows a prompt does not begin like it. */
export const copyRule = (
  { architecture }: Pick<DeviceModel, "architecture">,
  source: readonly number[],
  most: number,
): CopyRule => ({ source, most, fromStart: architecture === "encoder-decoder" });

/** Whether a batch is decoded greedily, with nothing that changes scores: what drafts can be verified for. */
export const isPlainGreedy = (
  { strategy, rules, constraint }: Pick<BatchOptions, "strategy" | "rules" | "constraint">,
  batch: readonly Pick<EncodedSource, "opening">[],
): boolean =>
  strategy.kind === "greedy" &&
  !isRuling(rules) &&
  constraint === undefined &&
  batch.every(({ opening }) => opening?.forcedFirst === undefined);

/** @throws SlmError USAGE for options that change greedy decoding */
export function requirePlainGreedy(
  options: BatchOptions,
  batch: readonly Pick<EncodedSource, "opening">[],
): void {
  if (isPlainGreedy(options, batch)) return;
  throw new SlmError(
    "USAGE",
    "generate: prompt lookup verifies greedy tokens, so it cannot be combined with sampling, beams, penalties, forced tokens or a schema",
  );
}

/** What is done about drafts, and why there are none. */
export interface DraftPlan {
  /** Most draft tokens of a run; 0: none. */
  readonly tokens: number;
  /** Why a model with heads drafts nothing; absent where it drafts, or was told not to. */
  readonly reason?: string | undefined;
}

/**
 * Draft tokens of a run. Default: what the model's own generation settings say (`num_assistant_tokens`), else all that its heads make; none
 * for a model without heads, and none where they would change answers.
 *
 * @param own the model's own setting, at most what the heads make
 * @throws SlmError USAGE for more than the heads make; OP_UNSUPPORTED as {@link checkDrafts}, where drafts are asked for
 */
export function draftPlan(
  model: Pick<DeviceModel, "name" | "graphs" | "draftHeads">,
  requested: number | undefined,
  own?: number,
): DraftPlan {
  const { draftHeads: heads = 0, name } = model;
  if (requested === undefined) {
    const reason = heads === 0 ? undefined : draftProblem(model);
    return { tokens: reason === undefined ? Math.min(heads, own ?? heads) : 0, reason };
  }
  if (!Number.isInteger(requested) || requested < 0 || requested > heads) {
    const expected = heads === 0 ? "0, as the model has no draft heads" : `from 0 to ${heads}`;
    throw new SlmError("USAGE", `${name}: draftTokens must be ${expected}, got ${requested}`, {
      suggestions: heads === 0 ? ["distill.draftHeads: 3", "--prompt-lookup 4"] : [],
    });
  }
  if (requested > 0) checkDrafts(model);
  return { tokens: requested };
}
