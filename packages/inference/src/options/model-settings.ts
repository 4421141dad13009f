/** What a request leaves open, as the model's own generation settings say. */
import type { GenerationSettings, Strategy, TokenRules } from "@slm/generation";
import type { DeviceModel } from "@slm/exported-model";
import type { GenerateOptions } from "./types.js";

/** The rules of a model, and those of a request in their place. */
export function mergedRules(own: TokenRules, requested: TokenRules | undefined): TokenRules {
  const given = Object.entries(requested ?? {}).filter(([, value]) => value !== undefined);
  return { ...own, ...Object.fromEntries(given) };
}

/**
 * Strategy, rules and longest answer of a request. The model's longest answer is shortened to what its cache holds; a request's own is
 * checked where it is used.
 */
export function withModelSettings(
  { strategy, rules, maxTokens }: Pick<GenerateOptions, "strategy" | "rules" | "maxTokens">,
  own: GenerationSettings,
  { maxTarget, architecture }: DeviceModel,
): { readonly strategy: Strategy; readonly rules: TokenRules; readonly maxTokens: number | undefined } {
  // The cache of a decoder-only model holds the source too, so only the room that is left is known to be enough.
  const longest = architecture === "encoder-decoder" ? own.maxTokens : undefined;
  return {
    strategy: strategy ?? own.strategy ?? { kind: "greedy" },
    rules: mergedRules(own.rules, rules),
    maxTokens:
      maxTokens ?? (longest === undefined ? undefined : Math.max(1, Math.min(longest, maxTarget - 1))),
  };
}
