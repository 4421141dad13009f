/** Plans an export (graphs, sizes, memory) without reading weights or writing files. */
import { weightBytes } from "@slm/onnx";
import type { Precision, ProfileName, Target } from "@slm/devices";
import { loadTokenizer } from "@slm/tokenizer";
import type { GraphName } from "@slm/exported-model";
import {
  cacheCapacity,
  parameterCount,
  parameterSpecs,
  stackHeads,
  encoderWidth,
  pooledGroup,
  stateWidthOf,
  towerTokens,
  visionOf,
  type ModelConfig,
} from "@slm/model";
import { readLexicalShortlist, readModelConfig } from "@slm/checkpoints";
import type { LexicalShortlist } from "@slm/generation";
import { createHostTensor } from "@slm/runtime";
import { chosenExport, type ExportChoice } from "./settings/export-config.js";
import type { ExportLayout } from "./settings/layouts.js";
import { planGraphs } from "./graphs/graph-plan.js";
import { graphSource } from "./graphs/record.js";
import { selectDevice } from "./settings/profiles.js";
import { FLOAT_SIZE } from "./weights/float-bits.js";
import { LazyWeights } from "./weights/lazy-weights.js";
import type { Shortlist } from "./weights/shortlist.js";

/** A graph that the export would write. */
interface GraphEstimate {
  readonly file: string;
  readonly role: GraphName;
  /** Source length of a static graph [tokens]; null for a dynamic one. */
  readonly bucket: number | null;
  readonly nodes: number;
  /** Weights that it reads, shared ones included [bytes]. */
  readonly weightBytes: number;
}

/** Memory for one text on the device. */
interface MemoryEstimate {
  /** Source length of the graphs, or the model's longest [tokens]. */
  readonly source: number;
  /** Target length: the window, or the model's longest [tokens]. */
  readonly window: number;
  /** Weights of all graphs that run for this text [bytes]; exact. */
  readonly weightBytes: number;
  /** Self-attention caches [bytes]; exact. */
  readonly cacheBytes: number;
  /** Keys and values of the source [bytes]; exact. */
  readonly sourceBytes: number;
  /**
   * Peak activation memory of the encoder or the tower [bytes], an ESTIMATE from the model's shape: the residual stream, its norm, and the
   * larger of a feed-forward block's inner values and one layer's attention scores. The device's compiler allocates other amounts.
   */
  readonly activationBytesEstimate: number;
}

export interface ExportPlan {
  readonly target: Target;
  readonly profile: ProfileName;
  readonly precision: Precision;
  readonly layout: ExportLayout;
  readonly opset: number;
  readonly parameters: number;
  readonly graphs: readonly GraphEstimate[];
  /** Weights on disk; shared weights are counted once [bytes]. */
  readonly diskBytes: number;
  readonly memory: readonly MemoryEstimate[];
}

/**
 * Plans an export: every graph is recorded, with weights that have sizes but no content.
 *
 * Reads: config.json and the tokenizer of the checkpoint directory.
 *
 * @throws SlmError as `exportCheckpoint` does before it writes anything.
 */
export async function planExport(
  checkpointDirectory: string,
  choice: ExportChoice,
  shortlist?: Shortlist,
): Promise<ExportPlan> {
  const config = await readModelConfig(checkpointDirectory);
  const tokenizer = await loadTokenizer(checkpointDirectory);
  const encodeSource = (text: string): readonly number[] => tokenizer.encodeSource(text);
  const lexical = await readLexicalShortlist(checkpointDirectory, config.vocabularySize);
  return planGraphsOf({ config, encodeSource, lexical }, choice, shortlist);
}

/** A model, which may not be trained yet. */
interface PlannedModel {
  readonly config: ModelConfig;
  /** Encodes a source. Only vision-language models with a prompt need it. */
  readonly encodeSource: (text: string) => readonly number[];
  /** The lexical shortlist. Absent: none. */
  readonly lexical?: LexicalShortlist | undefined;
}

/**
 * Plans the export of a model before there is a checkpoint. @throws SlmError like {@link planExport} if the device cannot compute the model
 */
export function planGraphsOf(
  { config, encodeSource, lexical }: PlannedModel,
  choice: ExportChoice,
  shortlist?: Shortlist,
): ExportPlan {
  const chosen = chosenExport(choice);
  const { target, precision, layout } = chosen;
  const device = selectDevice(chosen);
  const plan = planGraphs(config, { ...chosen, device, shortlist, lexical, encodeSource });
  const source = graphSource({ config, weights: sizesOnly(config) }, plan.device, {
    deferred: true,
    planned: true,
    shortlist,
    lexical,
  });
  const stored = new Map<ArrayBufferLike, number>();
  const graphs = plan.graphs.map(({ file, role, sizes, build }): GraphEstimate => {
    const graph = build(source);
    for (const { data } of graph.initializers.values()) stored.set(data.buffer, data.byteLength);
    return {
      file,
      role,
      bucket: sizes?.source ?? null,
      nodes: graph.nodes.length,
      weightBytes: weightBytes(graph),
    };
  });
  // Weights that graphs do not share are counted for each graph.
  const shared = [...stored.values()].reduce((sum, bytes) => sum + bytes, 0);
  const apart = graphs.reduce((sum, graph) => sum + graph.weightBytes, 0);
  const sets = plan.graphs.flatMap(({ role, sizes }) => (role === "decoder" ? [sizes] : []));
  return {
    target,
    profile: device.profileName,
    precision,
    layout,
    opset: device.opset,
    parameters: parameterCount(config),
    graphs,
    diskBytes: plan.sharedWeights === null ? apart : shared,
    memory: sets.map((sizes) => {
      const weights = graphs.filter(
        ({ role, bucket }) => role === "vision" || bucket === (sizes?.source ?? null),
      );
      return memoryOf(config, precision, {
        source: sizes?.source ?? config.maxSource,
        window: sizes?.window ?? cacheCapacity(config),
        weightBytes: weights.reduce((sum, graph) => sum + graph.weightBytes, 0),
      });
    }),
  };
}

/** Weights with shapes but no content. */
function sizesOnly(config: ModelConfig): LazyWeights {
  const shapes = new Map(parameterSpecs(config).map(({ name, shape }) => [name, shape]));
  return new LazyWeights(shapes.keys(), (name) => createHostTensor("float32", shapes.get(name)!));
}

function memoryOf(
  config: ModelConfig,
  precision: Precision,
  sizes: Pick<MemoryEstimate, "source" | "window" | "weightBytes">,
): MemoryEstimate {
  const { source, window } = sizes;
  const { decoderLayers, kvHeads, headDim } = config;
  const size = FLOAT_SIZE[precision];
  const perToken = 2 * decoderLayers * kvHeads * headDim * size;
  const cached = stateWidthOf(config);
  const isEncoderDecoder = config.architecture === "encoder-decoder";
  const tower = visionOf(config)?.tower;
  return {
    ...sizes,
    cacheBytes: (cached === undefined ? perToken : decoderLayers * cached * size) * window,
    sourceBytes: isEncoderDecoder ? perToken * Math.ceil(source / pooledGroup(config)) : 0,
    activationBytesEstimate: Math.max(
      activationBytes(
        { ...config, ...stackHeads(config, "encoderLayers"), width: encoderWidth(config) },
        source,
        size,
      ),
      tower === undefined ? 0 : activationBytes(tower, towerTokens(tower), size),
    ),
  };
}

/** For one layer over `length` tokens, with `size` bytes per number. */
function activationBytes(
  { width, heads, feedForward }: Pick<ModelConfig, "width" | "heads" | "feedForward">,
  length: number,
  size: number,
): number {
  // Scores are float32 at every precision.
  const scores = heads * length * length * 4;
  return 2 * length * width * size + Math.max(length * feedForward * size, scores);
}
