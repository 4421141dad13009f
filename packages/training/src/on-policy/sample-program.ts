/** The program that generates a chunk of several positions. Each position reads the token sampled at the previous one. */
import {
  cacheHeads,
  decodeStep,
  outputHead,
  type ModelConfig,
  type Parameters,
  type SourceContext,
} from "@slm/model";
import {
  math,
  sampleTokens,
  type ProgramDefinition,
  type SampleTokensOptions,
  type Tensor,
  type TensorSpec,
} from "@slm/tensor";
import {
  cacheNames,
  cacheSpec,
  contextSpecs,
  layersOf,
  pastCaches,
  presentCaches,
  readSources,
  type OnPolicyDecoderShape,
} from "./on-policy-programs.js";
import { planChunks, unpackParameters, valueSpecs, type Chunk } from "../parameters/parameter-layout.js";
import { sourceSpecs } from "../feeds/source-feeds.js";

/** Most positions per run. More positions mean fewer runs, but a longer compile time. */
const MAX_STRETCH = 16;

/** Fixed sizes of a sampling program. */
export interface SamplingPlan extends OnPolicyDecoderShape {
  /** Positions per run; must divide the capacity. */
  readonly positions: number;
}

/** Whether a single run generates everything. Then no cache is kept between runs; caches grow inside the program. */
export const isSingleRun = ({ positions, capacity }: SamplingPlan): boolean => positions === capacity;

/** Splits the positions of prompt and target into runs of equal length. */
export function planSampling(
  config: ModelConfig,
  { rows, source, target }: { readonly rows: number; readonly source: number; readonly target: number },
): SamplingPlan {
  // The BOS token is fed before the first drawn token, and the last drawn token is never fed.
  const needed = target + (config.architecture === "decoder-only" ? source : 0);
  const runs = Math.ceil(needed / MAX_STRETCH);
  const positions = Math.ceil(needed / runs);
  return { rows, source, positions, capacity: positions * runs };
}

/**
 * Inputs: `given` and `free` int32 `[rows, positions]`, the token to feed, or 0 and 1 to feed the sampled token; `uniform` `[rows, positions]`;
 * an encoder-decoder's sources, or the encoder's outputs; with several runs, also `last` int32 `[rows, 1]`, the token sampled before the first
 * position, `positions` int32 and the caches. Outputs: `drawn` int32 `[rows, positions]`, the token sampled after each position, and the caches.
 */
export function sampleProgram(
  config: ModelConfig,
  plan: SamplingPlan,
  options: SampleTokensOptions,
  chunks: readonly Chunk[] = planChunks(config),
): ProgramDefinition {
  const { rows, positions, capacity } = plan;
  const isSingle = isSingleRun(plan);
  const inputs: Record<string, TensorSpec> = {
    ...valueSpecs(chunks),
    ...sourceInputs(config, plan),
    given: { dtype: "int32", shape: [rows, positions] },
    free: { dtype: "int32", shape: [rows, positions] },
    uniform: { dtype: "float32", shape: [rows, positions] },
  };
  const inPlace: Record<string, string> = {};
  if (!isSingle) {
    inputs["last"] = { dtype: "int32", shape: [rows, 1] };
    inputs["positions"] = { dtype: "int32", shape: [positions] };
    for (const name of cacheNames(config)) {
      inputs[`past.${name}`] = cacheSpec(config, plan);
      inPlace[`present.${name}`] = `past.${name}`;
    }
  }
  return {
    name: `on-policy sampler ${rows}x${plan.source}x${capacity}`,
    forwardOnly: true,
    inputs,
    inPlace,
    build: (x) => {
      const parameters = unpackParameters(chunks, x);
      const source = sourceOf(config, plan, parameters, x);
      const ones = new Array<number>(positions).fill(1);
      const [given, free, uniform] = ["given", "free", "uniform"].map((name) =>
        math.split(x[name]!, ones, 1),
      );
      const at = isSingle ? [] : math.split(x["positions"]!, ones, 0);
      const { kvHeads, headDim } = cacheHeads(config);
      const nothing = math.zeros([rows, kvHeads, 0, headDim]);
      let caches = pastCaches(config, x, nothing);
      let last = x["last"];
      const drawn: Tensor[] = [];
      for (let k = 0; k < positions; k++) {
        const fed = last === undefined ? given![k]! : math.add(given![k]!, math.mul(last, free![k]!));
        // The shape of growing caches determines their length, so the length input is unused.
        const pastLength = at[k] ?? nothing;
        const step = decodeStep(config, parameters, fed, { source, caches, capacity, pastLength });
        caches = step.caches;
        const logits = math.reshape(outputHead(config, parameters, step.hidden), [
          rows,
          config.vocabularySize,
        ]);
        last = sampleTokens(logits, uniform![k]!, options);
        drawn.push(last);
      }
      const outputs = { drawn: math.concat(drawn, 1) };
      return isSingle ? outputs : { ...outputs, ...presentCaches(caches) };
    },
  };
}

/** The source inputs of an encoder-decoder's program: the sources in a single run, otherwise the encoder's outputs. */
function sourceInputs(config: ModelConfig, plan: SamplingPlan): Record<string, TensorSpec> {
  if (config.architecture === "decoder-only") return {};
  return isSingleRun(plan) ? sourceSpecs(config, plan) : contextSpecs(config, plan);
}

function sourceOf(
  config: ModelConfig,
  plan: SamplingPlan,
  parameters: Parameters,
  x: Readonly<Record<string, Tensor>>,
): SourceContext | undefined {
  if (config.architecture === "decoder-only") return undefined;
  if (isSingleRun(plan)) return readSources(config, parameters, x);
  const cross = layersOf(config).map((layer) => ({
    key: x[`cross.${layer}.key`]!,
    value: x[`cross.${layer}.value`]!,
  }));
  return { cross, bias: x["bias"]! };
}
