/** How many drafts a run verifies, and where they come from. */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { isRuling } from "@slm/generation";
import type { BatchOptions } from "./batch-options.js";
import type { EncodedSource } from "./batches.js";
import { EDITS_GRAPHS } from "../graph-edits/load-edited.js";

/** Above this, verifying draft tokens costs more than it can save. */
const MAX_DRAFT_TOKENS = 64;

/** @throws SlmError USAGE if the number of draft tokens is out of range. */
export function checkPromptLookup(draftTokens: number | undefined): void {
  if (
    draftTokens === undefined ||
    (Number.isInteger(draftTokens) && draftTokens >= 1 && draftTokens <= MAX_DRAFT_TOKENS)
  )
    return;
  throw new SlmError(
    "USAGE",
    `generate: promptLookup must be from 1 to ${MAX_DRAFT_TOKENS} tokens, got ${draftTokens}`,
  );
}

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

/**
 * Whether drafts can be verified for a batch: it is decoded greedily and no rule changes scores. A constraint may hold on graphs of dynamic
 * sizes, whose decoder goes on without drafts from the first token that it does not allow; static ones have no such way back.
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

/** @throws SlmError USAGE for prompt lookup with options under which drafts cannot be verified */
export function requireVerified(isVerified: boolean): void {
  if (isVerified) return;
  throw new SlmError(
    "USAGE",
    "generate: prompt lookup verifies greedy tokens, so it cannot be combined with sampling, beams, penalties or forced tokens, nor on " +
      "static graphs with a schema",
  );
}

/** What is done about drafts, and why there are none. */
export interface SpeculationPlan {
  /** Most draft tokens of a run that the model's draft rules make; 0: none. */
  readonly tokens: number;
  /** Why a model with draft rules drafts nothing; absent where it drafts, or was told not to. */
  readonly reason?: string | undefined;
}

/** What of a model says how drafts are made. */
type DraftingModel = Pick<
  DeviceModel,
  "name" | "graphs" | "draftRules" | "target" | "static" | "lexicalShortlist"
>;

/** Most draft tokens of a run by rules, unless something else is said: they are made while they are probable, so few runs have as many. */
const MOST_BY_RULES = 12;

/** Why rules cannot be followed: who reads one token in a run verifies nothing. */
function rulesProblem({ target, static: fixed, lexicalShortlist }: DraftingModel): string | undefined {
  if (fixed !== undefined)
    return fixed.chunk === undefined ? "its graphs read one token in a run: slm export --chunk 8" : undefined;
  // Such exports return what is picked at every position, so that nothing needs be changed.
  if (target === "web" && lexicalShortlist !== true) return undefined;
  if (target === "web") return "draft rules are not followed on target web beside a lexical shortlist";
  return EDITS_GRAPHS ? undefined : "draft rules are not followed in a page";
}

/**
 * Draft tokens of a run. Default: what the model's own generation settings say (`num_assistant_tokens`), else at most {@link MOST_BY_RULES};
 * none for a model without draft rules, and none where they would change answers.
 *
 * @param own the model's own setting
 * @throws SlmError USAGE for more than rules make; OP_UNSUPPORTED as {@link checkDrafts}, where drafts are asked for
 */
export function speculationPlan(
  model: DraftingModel,
  requested: number | undefined,
  own?: number,
): SpeculationPlan {
  const { draftRules = 0, name } = model;
  const unruled = draftRules === 0 ? undefined : rulesProblem(model);
  const most = draftRules === 0 || unruled !== undefined ? 0 : MAX_DRAFT_TOKENS;
  if (requested === undefined) {
    const reason = draftRules === 0 ? undefined : (draftProblem(model) ?? unruled);
    if (draftProblem(model) !== undefined) return { tokens: 0, reason };
    return { tokens: Math.min(most, own ?? MOST_BY_RULES), reason };
  }
  if (!Number.isInteger(requested) || requested < 0 || requested > most) {
    const expected = most === 0 ? `0, as ${unruled ?? "the model has no draft rules"}` : `from 0 to ${most}`;
    throw new SlmError("USAGE", `${name}: draftTokens must be ${expected}, got ${requested}`, {
      suggestions: most === 0 ? ["export.draftRules: true", "--prompt-lookup 4"] : [],
    });
  }
  if (requested > 0) checkDrafts(model);
  return { tokens: requested };
}
