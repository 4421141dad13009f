import { type Graph, type GraphNode } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { valueAndGradients } from "../gradients.js";
import { math } from "../math.js";
import { scope } from "../ops/lowering.js";
import { gelu, linear } from "../ops/basic.js";
import { FORWARD_SCOPE } from "./gradient-checkpointing.js";
import type { ProgramDefinition } from "./program.js";
import { traceProgram } from "./trace.js";

const WIDTH = 4;
const LAYERS = 3;
const matrix = { dtype: "float32", shape: [WIDTH, WIDTH] } as const;
const weights = Array.from({ length: LAYERS }, (_, index) => `weight.${index}`);

/** Gradients of a sum after layers of x + gelu(x · weightᵀ). */
const program = (gradientCheckpointing: boolean): ProgramDefinition => ({
  name: "layers",
  gradientCheckpointing,
  inputs: {
    x: { dtype: "float32", shape: [6, WIDTH] },
    ...Object.fromEntries(weights.map((name) => [name, matrix])),
  },
  build: (inputs) => {
    const { value, gradients } = valueAndGradients(
      (tensors) => {
        const first = math.square(inputs["x"]!);
        const last = tensors.reduce(
          (x, weight, index) =>
            scope(`layers.${index}`, () => math.add(x, gelu({ x: linear({ x, weight }, {}) }, {}))),
          first,
        );
        return math.sum(math.square(last));
      },
      weights.map((name) => inputs[name]!),
    );
    return {
      value,
      ...Object.fromEntries(gradients.map((gradient, index) => [`gradient.${index}`, gradient])),
    };
  },
});

const isForward = ({ name }: GraphNode): boolean => name.startsWith(`/${FORWARD_SCOPE}/`);
const isAgain = ({ name }: GraphNode): boolean => name.startsWith("/again/");

/** Values inside layers of the first forward pass that the backward pass reads. */
function keptFrom({ nodes }: Graph): readonly string[] {
  const made = new Set(
    nodes.filter(isForward).flatMap(({ name, outputs }) => (name.includes("/layers.") ? outputs : [])),
  );
  const rest = nodes.filter((node) => !isForward(node) && !isAgain(node));
  return [...new Set(rest.flatMap(({ inputs }) => inputs.filter((value) => made.has(value))))];
}

/** Names of all nodes that a value depends on. */
function behind({ nodes }: Graph, value: string): ReadonlySet<string> {
  const wanted = new Set([value]);
  const found = new Set<string>();
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    found.add(node.name);
    for (const input of node.inputs) wanted.add(input);
  }
  return found;
}

describe("checkpointLayers", () => {
  const [kept, again] = [traceProgram(program(false)), traceProgram(program(true))];

  test("the backward pass reads outputs of layers, and nothing else of their first forward pass", () => {
    const outputs = Array.from({ length: LAYERS }, (_, index) => `/${FORWARD_SCOPE}/layers.${index}/Add_1`);
    expect(keptFrom(kept).length).toBeGreaterThan(outputs.length);
    for (const value of keptFrom(again)) expect(outputs).toContain(value);
    expect(again.nodes.some(isAgain)).toBe(true);
  });

  test("a layer is computed again when the gradients of all later layers' weights are there", () => {
    const needs = (layer: number): ReadonlySet<string> =>
      behind(again, `/again/${FORWARD_SCOPE}/layers.${layer}/input`);
    for (let layer = 0; layer < LAYERS - 1; layer++)
      for (let later = layer + 1; later < LAYERS; later++) {
        const producer = again.nodes.find(({ outputs }) => outputs.includes(`gradient.${later}`))!;
        expect(needs(layer), `layer ${layer} waits for ${later}`).toContain(producer.name);
      }
  });

  test("a graph without layers stays as it is", () => {
    const plain: ProgramDefinition = {
      name: "plain",
      inputs: { x: matrix },
      build: ({ x }) => ({ y: math.square(x!) }),
    };
    expect(traceProgram({ ...plain, gradientCheckpointing: true })).toEqual(traceProgram(plain));
  });
});
