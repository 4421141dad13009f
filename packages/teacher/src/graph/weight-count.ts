/** Counts the weights of a graph, independent of their storage format. */
import { attributeOf, elementCount, readOutline, type GraphNode, type Initializer } from "@slm/onnx";

/** Element types of weights, and of quantized codes. */
const WEIGHTS: ReadonlySet<string> = new Set([
  "float32",
  "float16",
  "bfloat16",
  "float64",
  "int8",
  "uint8",
  "int4",
  "uint4",
]);

/** Operators with packed codes, where the size is not the number of weights: the count, and the inputs that it includes. */
const PACKED: Readonly<
  Record<string, (node: GraphNode, initializer: (name: string) => Initializer | undefined) => number>
> = {
  MatMulNBits: (node) => integer(node, "K") * integer(node, "N"),
  GatherBlockQuantized: (node, initializer) => {
    const codes = initializer(node.inputs[0] ?? "");
    if (codes === undefined) return 0;
    const perElement = codes.dtype === "uint8" ? 8 / integer(node, "bits", 4) : 1;
    return elementCount(codes.shape) * perElement;
  },
};

/** Operators that read tables of angles and masks. Initializers that only these operators use are computed constants, not weights. */
const COMPUTED: ReadonlySet<string> = new Set(["RotaryEmbedding", "GroupQueryAttention", "Slice", "Where"]);

/**
 * Number of weights in the main graph: the elements of its initializers. Packed codes count as the weights that they represent; scales and
 * zero points are not counted. At least 1.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID
 */
export async function weightCount(path: string): Promise<number> {
  const { nodes, initializers } = await readOutline(path);
  const packed = new Set<string>();
  const counted = new Map<string, number>();
  for (const node of nodes) {
    const count = PACKED[node.opType];
    if (count === undefined) continue;
    // Identified by the scales, so that a table that embedding and output head share is counted once.
    const key = node.inputs[2] ?? node.name;
    counted.set(
      key,
      Math.max(
        counted.get(key) ?? 0,
        count(node, (name) => initializers.get(name)),
      ),
    );
    for (const name of node.inputs) packed.add(name);
  }
  const trained = new Set(
    nodes.filter(({ opType }) => !COMPUTED.has(opType)).flatMap(({ inputs }) => inputs),
  );
  let total = [...counted.values()].reduce((sum, count) => sum + count, 0);
  for (const { name, dtype, shape } of initializers.values())
    // Scalars are constants of formulas.
    if (shape.length > 0 && WEIGHTS.has(dtype) && trained.has(name) && !packed.has(name))
      total += elementCount(shape);
  return Math.max(1, total);
}

function integer(node: GraphNode, name: string, fallback = 0): number {
  return attributeOf(node, name, "int") ?? fallback;
}
