/** Keeps more and more of the most sensitive layers in float32 until a gate passes. */
import { GRAPH_NAMES, type GraphName } from "@slm/exported-model";
import {
  isStatic,
  quantizeDirectory,
  type GateResult,
  type LayerSensitivity,
  type PerGraph,
  type QuantizeDirectoryOptions,
  type QuantizeReport,
  type WeightFormat,
} from "@slm/quantization";

interface ExclusionRequest<Verdict extends { readonly gate: GateResult | null }> {
  readonly options: QuantizeDirectoryOptions;
  /** Most sensitive first. */
  readonly layers: readonly LayerSensitivity[];
  /** Measures the gate on the current content of the output directory. */
  readonly judge: () => Promise<Verdict>;
}

type Excluded<Verdict> = QuantizeReport &
  Verdict & {
    /** Layers kept in float32, as graph/layer. */
    readonly excluded: readonly string[];
  };

/** The layers of one graph. */
const namesIn = (graph: GraphName, layers: readonly LayerSensitivity[]): readonly string[] =>
  layers.filter((layer) => layer.graph === graph).map(({ layer }) => layer);

/** Changes the options so that some layers stay in float32: weights by their format, nodes of static schemes by their name. */
function withoutLayers(
  options: QuantizeDirectoryOptions,
  layers: readonly LayerSensitivity[],
): QuantizeDirectoryOptions {
  if (isStatic(options.scheme)) {
    const exclude: PerGraph<ReadonlySet<string>> = Object.fromEntries(
      GRAPH_NAMES.map((graph) => [
        graph,
        new Set([...(options.exclude?.[graph] ?? []), ...namesIn(graph, layers)]),
      ]),
    );
    return { ...options, exclude };
  }
  const formats: PerGraph<ReadonlyMap<string, WeightFormat>> = Object.fromEntries(
    GRAPH_NAMES.map((graph) => {
      const kept = namesIn(graph, layers).map((weight): [string, WeightFormat] => [weight, "float32"]);
      return [graph, new Map([...(options.formats?.[graph] ?? []), ...kept])];
    }),
  );
  return { ...options, formats };
}

/**
 * Quantizes repeatedly, each time with twice as many of the most sensitive layers in float32, until the gate passes or half of the
 * layers are float32. With more than half, the scheme would hardly describe the model.
 */
export async function excludeWorst<Verdict extends { readonly gate: GateResult | null }>({
  options,
  layers,
  judge,
}: ExclusionRequest<Verdict>): Promise<Excluded<Verdict>> {
  for (let count = 1; ; count *= 2) {
    const out = layers.slice(0, Math.min(count, Math.floor(layers.length / 2)));
    const report = await quantizeDirectory(withoutLayers(options, out));
    const answer = await judge();
    const isLast = count >= layers.length / 2;
    if (answer.gate?.pass === true || isLast) {
      return { ...report, ...answer, excluded: out.map(({ graph, layer }) => `${graph}/${layer}`) };
    }
  }
}
