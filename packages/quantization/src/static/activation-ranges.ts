/** Ranges of activations as the operators around them want them, from the ranges that calibration saw. */
import type { Graph, GraphNode } from "@slm/onnx";
import type { ValueRange } from "../calibration/collect.js";
import type { IntegerType, QuantizationParameters } from "./integer-types.js";

/**
 * The range of what a Relu or Clip makes is the range of what goes in, where nothing else reads that: codes outside it
 * would be clipped anyway. Softmax makes numbers from 0 to 1, whatever the data showed.
 */
export function adjustRanges(
  nodes: readonly GraphNode[],
  isPrivate: (value: string) => boolean,
  seen: ReadonlyMap<string, ValueRange>,
): Map<string, ValueRange> {
  const ranges = new Map(seen);
  for (const { opType, inputs, outputs } of nodes) {
    const output = outputs[0]!;
    if (opType === "Softmax") ranges.set(output, { low: 0, high: 1 });
    if (opType !== "Relu" && opType !== "Clip") continue;
    const range = ranges.get(output);
    if (range !== undefined && ranges.has(inputs[0]!) && isPrivate(inputs[0]!)) ranges.set(inputs[0]!, range);
  }
  return ranges;
}

/** Gives what a Concat joins and what it makes one range: a device then only copies. Changes `ranges`. */
export function uniteConcats(
  graph: Graph,
  sourceOf: (value: string) => string,
  ranges: Map<string, ValueRange>,
): void {
  const groups = new Map<string, Set<string>>();
  for (const { opType, inputs, outputs } of graph.nodes) {
    if (opType !== "Concat") continue;
    const members = new Set([...inputs, ...outputs].map(sourceOf).filter((value) => ranges.has(value)));
    for (const member of [...members]) for (const other of groups.get(member) ?? []) members.add(other);
    for (const member of members) groups.set(member, members);
  }
  for (const members of new Set(groups.values())) {
    const parts = [...members].map((member) => ranges.get(member)!);
    const united = {
      low: Math.min(...parts.map(({ low }) => low)),
      high: Math.max(...parts.map(({ high }) => high)),
    };
    for (const member of members) ranges.set(member, united);
  }
}

/**
 * What 16-bit Sigmoid and Tanh must have on Qualcomm's processor.
 * Source: onnxruntime, python/tools/quantization/execution_providers/qnn/quant_config.py.
 */
const FIXED: Readonly<
  Record<string, Readonly<Partial<Record<IntegerType, QuantizationParameters>>> | undefined>
> = {
  Sigmoid: { uint16: { scale: 1 / 65536, zero: 0 }, int16: { scale: 1 / 32768, zero: 0 } },
  Tanh: { uint16: { scale: 1 / 32768, zero: 32768 }, int16: { scale: 1 / 32768, zero: 0 } },
};

/** Parameters that do not depend on data, by value. */
export function fixedParameters(
  graph: Graph,
  type: IntegerType,
): ReadonlyMap<string, QuantizationParameters> {
  return new Map(
    graph.nodes.flatMap(({ opType, outputs }) => {
      const fixed = Object.hasOwn(FIXED, opType) ? FIXED[opType]?.[type] : undefined;
      return fixed === undefined ? [] : [[outputs[0]!, fixed] as const];
    }),
  );
}
