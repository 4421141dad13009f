/** Graphs that a provider takes and cannot compute: ONNX Runtime leaves none of their nodes to the CPU. */
import { SlmError } from "@slm/core";
import type { DeviceRow, ProfileName, Target } from "@slm/devices";
import { subgraphsOf, type GraphNode, type ModelOutline, type Subgraph } from "@slm/onnx";
import { operatorName } from "./rules/finding.js";
import { OPERATOR_RULES } from "./profiles/profiles.js";
import { attributeValue } from "./rules/attribute-value.js";

export interface GraphPlace {
  /** Of the graph, for the message. */
  readonly name: string;
  readonly target: Target;
  readonly profile: ProfileName;
  /** What computes, for the message. */
  readonly adapter: string;
  /** Whether it computes in float16; asked only for a graph that does. */
  readonly hasFloat16: () => Promise<boolean>;
}

/**
 * Compares a graph with what is known of a provider that takes it all the same. Reads attributes and element types, no shapes.
 *
 * @throws SlmError OP_UNSUPPORTED for a node or an element type that the provider does not compute, DEVICE_UNAVAILABLE for a graph in
 * float16 on an adapter without it. Each with the command that exports the model rightly.
 */
export async function rejectUnsupported(
  outline: ModelOutline,
  row: Pick<DeviceRow, "label" | "precisions">,
  { name, target, profile, adapter, hasFloat16 }: GraphPlace,
): Promise<void> {
  const command = `slm export CHECKPOINT --target ${target} --profile ${profile}`;
  const node = unsupportedNode(outline, profile);
  if (node !== undefined)
    throw new SlmError("OP_UNSUPPORTED", `graph '${name}' is not for ${row.label}: ${node}`, {
      suggestions: [command],
    });
  const dtypes = computedTypes(outline);
  for (const precision of ["bfloat16", "float16"] as const) {
    const verdict = row.precisions[precision];
    if (!dtypes.has(precision) || verdict === true) continue;
    throw new SlmError(
      "OP_UNSUPPORTED",
      `graph '${name}' is ${precision}, which ${row.label} does not take: ${verdict}`,
      { suggestions: [command] },
    );
  }
  if (!dtypes.has("float16") || (await hasFloat16())) return;
  throw new SlmError(
    "DEVICE_UNAVAILABLE",
    `graph '${name}' is float16, which ${adapter} does not compute (WebGPU feature shader-f16)`,
    { suggestions: [`${command} --precision float32`, "--device cpu"] },
  );
}

/** Element types that a provider has to compute with; what `Identity` only hands on is not computed. */
function computedTypes({ nodes, inputs, initializers }: ModelOutline): ReadonlySet<string | undefined> {
  const read = new Set(nodes.filter(({ opType }) => opType !== "Identity").flatMap((node) => node.inputs));
  const values = [...inputs.filter(({ name }) => read.has(name)), ...initializers.values()];
  return new Set(values.map(({ dtype }) => dtype));
}

/** The first node, inside subgraphs too, that the provider takes and does not compute, and why. */
function unsupportedNode(graph: Subgraph, profile: ProfileName): string | undefined {
  for (const node of graph.nodes) {
    const reason = whyUnsupported(node, profile);
    if (reason !== undefined) return reason;
    for (const body of subgraphsOf(node)) {
      const inside = unsupportedNode(body, profile);
      if (inside !== undefined) return inside;
    }
  }
  return undefined;
}

function whyUnsupported(node: GraphNode, profile: ProfileName): string | undefined {
  const { operators } = OPERATOR_RULES[profile];
  const operator = operatorName(node);
  const limits = Object.hasOwn(operators, operator) ? operators[operator]!.attributes : undefined;
  for (const [attribute, limit] of Object.entries(limits ?? {})) {
    const value = attributeValue(node, attribute, limit);
    if (limit.otherwise === undefined || typeof limit.allowed === "string" || limit.allowed.includes(value))
      continue;
    return `${operator} with ${attribute}=${value} (node '${node.name}'): ${limit.otherwise}`;
  }
  return undefined;
}
