/** Decides how many drafts a run verifies, and where they come from. */
import type { DeviceModel, EngineName } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { isRuling } from "@slm/generation";
import type { BatchOptions } from "./batch-options.js";
import type { EncodedSource } from "./batches.js";
import { EDITS_GRAPHS } from "../graph-edits/edits-graphs.js";
import { MAX_DRAFT_TOKENS } from "./check-prompt-lookup.js";

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

/** Number of draft tokens, or the reason for having none. */
export interface SpeculationPlan {
  /** Maximum number of draft tokens per run from the model's draft rules; 0: none. */
  readonly tokens: number;
  /** Why a model with draft rules drafts nothing; absent if it drafts, or if drafting was turned off. */
  readonly reason?: string | undefined;
}

/** The properties of a model that drafting depends on. */
type DraftingModel = Pick<
  DeviceModel,
  "name" | "graphs" | "draftRules" | "target" | "static" | "lexicalShortlist"
>;

interface SpeculationContext {
  /** The model's own setting. */
  readonly own?: number | undefined;
  /** What runs the model. The activations of portable forms are scaled for each token, so drafts never change their answers. */
  readonly engine?: EngineName | undefined;
}

/** Default maximum number of draft tokens per run from rules. Few runs reach it, because drafting stops when the probability is too low. */
const MOST_BY_RULES = 12;

const FASTER_WITHOUT = "WebAssembly is faster without drafts";

/** Why the graphs of a model cannot use rules: a run that reads one token cannot verify drafts. */
function rulesProblem({ target, static: fixed, lexicalShortlist }: DraftingModel): string | undefined {
  if (fixed !== undefined)
    return fixed.chunk === undefined ? "its graphs read one token per run: export with --chunk 8" : undefined;
  // These exports return the picks of every position, so they need no edit.
  if (target === "web" && lexicalShortlist !== true) return undefined;
  if (target === "web")
    return "draft rules are not supported on target web together with a lexical shortlist";
  return EDITS_GRAPHS ? undefined : "draft rules are not supported in a browser";
}

/**
 * Draft tokens per run. Default: `num_assistant_tokens` in the model's own generation settings, otherwise at most {@link MOST_BY_RULES}. 0 for a
 * model without draft rules, or if drafts would change answers.
 *
 * @throws SlmError USAGE for too many draft tokens; OP_UNSUPPORTED as {@link checkDrafts}, if drafts are requested
 */
export function speculationPlan(
  model: DraftingModel,
  requested: number | undefined,
  { own, engine = "onnxruntime" }: SpeculationContext = {},
): SpeculationPlan {
  const { draftRules = 0, name } = model;
  const hasGraphs = engine === "onnxruntime";
  const unruled = draftRules === 0 || !hasGraphs ? undefined : rulesProblem(model);
  const most = draftRules === 0 || unruled !== undefined ? 0 : MAX_DRAFT_TOKENS;
  if (requested === undefined) {
    const unsafe = hasGraphs ? draftProblem(model) : undefined;
    const reason = draftRules === 0 ? undefined : (unsafe ?? unruled);
    if (unsafe !== undefined) return { tokens: 0, reason };
    // A step in WebAssembly costs so little that drafting and verifying cost more: 0.72 ms a word of the quick start against 0.64 ms.
    if (!hasGraphs) return { tokens: 0, reason: draftRules === 0 ? undefined : FASTER_WITHOUT };
    return { tokens: Math.min(most, own ?? MOST_BY_RULES), reason };
  }
  if (!Number.isInteger(requested) || requested < 0 || requested > most) {
    const expected = most === 0 ? `0, as ${unruled ?? "the model has no draft rules"}` : `from 0 to ${most}`;
    throw new SlmError("USAGE", `${name}: draftTokens must be ${expected}, got ${requested}`, {
      suggestions: most === 0 ? ["export.draftRules: true", "--prompt-lookup 4"] : [],
    });
  }
  if (requested > 0 && hasGraphs) checkDrafts(model);
  return { tokens: requested };
}
