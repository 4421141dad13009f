/** Decodes one source of a batch with a decoder of its own. */
import type { DeviceModel } from "@slm/exported-model";
import { decode, type StepDecoder } from "@slm/generation";
import type { BatchOptions } from "../options/batch-options.js";
import type { EncodedSource } from "../options/batches.js";
import { roomForTokens } from "../options/model-limits.js";
import type { RunLog } from "./run-log.js";
import { timed, type DecodedIds } from "./timed.js";

export interface LoneSource {
  readonly model: DeviceModel;
  readonly source: EncodedSource;
  /** The source's index in the batch, by which the options know it. */
  readonly row: number;
  /** Ids before the first token: the source of a decoder-only model. */
  readonly prefix: readonly number[];
  readonly options: BatchOptions;
  /** Start of the source, by `performance.now()` [ms]. */
  readonly started: number;
}

/** The result for the source. Times are measured from its start. @throws SlmError as `decode` */
export async function decodeAlone(
  steps: StepDecoder & { readonly log: RunLog },
  { model, source, row, prefix, options, started }: LoneSource,
): Promise<DecodedIds> {
  const { strategy, random, rules, constraint, onToken, stopsAfter, given } = options;
  const { maxTimeMs, maxTokens, signal, watch } = options;
  const { bos, eos, pad } = model.tokens;
  const [decoded] = await decode(watch?.(steps) ?? steps, {
    strategy,
    rules,
    signal,
    bos,
    eos,
    pad,
    maxTokens: roomForTokens(model, prefix.length, maxTokens),
    opening: () => source.opening,
    source: () => source.ids,
    before: () => prefix,
    random: random && (() => random(row)),
    constraint: constraint && (() => constraint(row)),
    onToken: (_, token) => onToken?.(row, token),
    stopsAfter: stopsAfter && ((_, tokens) => stopsAfter(row, tokens)),
    given: given && (() => given(row)),
    deadlineMs: maxTimeMs === undefined ? undefined : started + maxTimeMs,
  });
  return timed(decoded!, strategy, { started, log: steps.log });
}
