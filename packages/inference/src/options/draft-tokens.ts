/** Decides whether runs can verify drafts. */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { isRuling } from "@slm/generation";
import type { BatchOptions } from "./batch-options.js";
import type { EncodedSource } from "./batches.js";

/**
 * Weight formats with dynamically quantized activations, scaled by the largest value of a run. With them, the token at a position would depend on the
 * draft tokens after it.
 */
const RUN_SCALED: ReadonlySet<string> = new Set(["int8-dynamic"]);

/** Why drafts would change the answers of a model; undefined if they do not. */
function draftProblem({ graphs }: Pick<DeviceModel, "graphs">): string | undefined {
  const scheme = graphs.decoder?.scheme;
  return scheme !== undefined && RUN_SCALED.has(scheme)
    ? `drafts would change the answers of a decoder quantized to ${scheme}, whose activations share one scale per run`
    : undefined;
}

/** @throws SlmError OP_UNSUPPORTED if draft tokens would change the model's answers */
export function checkDrafts(model: Pick<DeviceModel, "name" | "graphs">): void {
  const problem = draftProblem(model);
  if (problem === undefined) return;
  throw new SlmError("OP_UNSUPPORTED", `${model.name}: ${problem}`, {
    suggestions: ["slm quantize EXPORT --scheme cpu", "slm quantize EXPORT --scheme int4-block"],
  });
}

/**
 * Whether drafts can be verified for a batch: it is decoded greedily and no rule changes scores. With dynamic shapes a constraint is allowed too:
 * from the first token that it forbids, decoding continues without drafts. Static graphs cannot switch.
 */
export const verifiesDrafts = (
  { strategy, rules, constraint }: Pick<BatchOptions, "strategy" | "rules" | "constraint">,
  batch: readonly Pick<EncodedSource, "opening">[],
  isStatic: boolean,
): boolean =>
  strategy.kind === "greedy" &&
  !isRuling(rules) &&
  !(isStatic && constraint !== undefined) &&
  batch.every(({ opening }) => opening?.forcedFirst === undefined);

/** @throws SlmError USAGE for options that prompt lookup does not support */
export function requireVerified(isVerified: boolean): void {
  if (isVerified) return;
  throw new SlmError(
    "USAGE",
    "generate: prompt lookup verifies greedy tokens, so it cannot be combined with sampling, beams, penalties or forced tokens, nor on " +
      "static graphs with a schema",
  );
}
