/** Fills in the options that a request omits from the model's own generation settings. */
import type { GenerationSettings, Strategy, TokenRules } from "@slm/generation";
import type { DeviceModel } from "@slm/exported-model";
import type { GenerateOptions } from "./types.js";

/** The rules of a model, overridden by those of a request. */
export function mergedRules(own: TokenRules, requested: TokenRules | undefined): TokenRules {
  const given = Object.entries(requested ?? {}).filter(([, value]) => value !== undefined);
  return { ...own, ...Object.fromEntries(given) };
}

/**
 * Strategy, rules and maximum answer length of a request. The model's own maximum is reduced to the capacity of its cache. A maximum in the request
 * is checked where it is used.
 */
export function withModelSettings(
  { strategy, rules, maxTokens }: Pick<GenerateOptions, "strategy" | "rules" | "maxTokens">,
  own: GenerationSettings,
  { maxTarget, architecture }: DeviceModel,
): { readonly strategy: Strategy; readonly rules: TokenRules; readonly maxTokens: number | undefined } {
  // A decoder-only model's cache also contains the source, so only the remaining room is certain to be enough.
  const longest = architecture === "encoder-decoder" ? own.maxTokens : undefined;
  return {
    strategy: strategy ?? own.strategy ?? { kind: "greedy" },
    rules: mergedRules(own.rules, rules),
    maxTokens:
      maxTokens ?? (longest === undefined ? undefined : Math.max(1, Math.min(longest, maxTarget - 1))),
  };
}
