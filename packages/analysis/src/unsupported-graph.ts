/** Rejects graphs that a provider accepts but cannot compute, and for which ONNX Runtime does not fall back to the CPU. */
import { SlmError } from "@slm/core";
import type { DeviceRow, ProfileName, Target } from "@slm/devices";
import { subgraphsOf, type GraphNode, type ModelOutline, type Subgraph } from "@slm/onnx";
import { operatorName } from "./graph/finding.js";
import { OPERATOR_RULES } from "./profiles/profiles.js";
import { attributeValue } from "./rules/attribute-value.js";

export interface GraphPlace {
  /** The graph's name, for the message. */
  readonly name: string;
  readonly target: Target;
  readonly profile: ProfileName;
  /** The device, for the message. */
  readonly adapter: string;
  /** Whether it supports float16. Called only for graphs in float16. */
  readonly hasFloat16: () => Promise<boolean>;
}

/**
 * Checks a graph for nodes that a provider accepts but cannot compute. Reads attributes and element types, not shapes.
 *
 * @throws SlmError OP_UNSUPPORTED for a node or an element type that the provider does not compute, DEVICE_UNAVAILABLE for a graph in
 * float16 on an adapter without it. The errors suggest the right export command.
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
      `graph '${name}' is ${precision}, which ${row.label} does not support: ${verdict}`,
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

/** Element types in which a provider must compute. `Identity` only passes values on. */
function computedTypes({ nodes, inputs, initializers }: ModelOutline): ReadonlySet<string | undefined> {
  const read = new Set(nodes.filter(({ opType }) => opType !== "Identity").flatMap((node) => node.inputs));
  const values = [...inputs.filter(({ name }) => read.has(name)), ...initializers.values()];
  return new Set(values.map(({ dtype }) => dtype));
}

/** The first node, including subgraphs, that the provider accepts but does not compute, with the reason. */
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
