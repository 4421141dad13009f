/**
 * Finds the operators of training steps that a provider supports. It runs every kind of node of every step in a separate graph, without CPU
 * fallback.
 */
import { inferShapes } from "@slm/analysis";
import { encodeModel, type Graph, type GraphNode } from "@slm/onnx";
import type { Runtime } from "@slm/runtime";
import { createEagerEngine, traceProgram } from "@slm/tensor";
import { planRun, trainProgram } from "@slm/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CASES_AND_OPTIMIZERS, SETTINGS } from "../training-cases.js";
import { openRuntimes, type Runtimes } from "./setting.js";

/** Further settings that add operators: masks, loss scaling, accumulated gradients, a moving average, gradient checkpointing. */
const CHANGES: readonly Partial<typeof SETTINGS>[] = [
  {},
  { dropout: 0.1, gradientCheckpointing: true },
  { mixedPrecision: "float16", gradientAccumulationSteps: 2 },
];

type Facts = ReturnType<typeof inferShapes>["facts"];

/** A kind of node for providers: operator and input types. */
interface Kind {
  readonly name: string;
  readonly graph: Graph;
}

let runtimes: Runtimes;
/** Sorted by name. */
let kinds: readonly Kind[];
/** Names of the kinds in steps for WebGPU. */
let written: ReadonlySet<string>;
beforeAll(async () => {
  runtimes = await openRuntimes(true);
  const onWebGpu = kindsOf(await steps("webgpu"));
  const all = new Map([...onWebGpu, ...kindsOf(await steps("cpu"))]);
  kinds = [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  written = new Set(onWebGpu.keys());
});
afterAll(() => runtimes.close());

/** The graphs of all steps for a provider. */
async function steps(provider: string): Promise<readonly Graph[]> {
  const js = await createEagerEngine("js");
  const graphs: Graph[] = [];
  for (const [, optimizer, make] of CASES_AND_OPTIMIZERS) {
    const made = await make(js);
    const plan = planRun(made.config);
    for (const changes of CHANGES) {
      const settings = { ...SETTINGS, optimizer, ...changes };
      const program = trainProgram("step", plan, made.definition, settings, "update", "program");
      graphs.push(traceProgram(program, provider));
    }
  }
  return graphs;
}

function kindsOf(graphs: readonly Graph[]): ReadonlyMap<string, Kind> {
  const found = new Map<string, Kind>();
  for (const graph of graphs) {
    const { facts } = inferShapes({ ...graph, producer: "", omitted: [] });
    for (const node of graph.nodes) {
      const name = nameOf(node, facts);
      if (!found.has(name)) found.set(name, { name, graph: alone(node, graph, facts) });
    }
  }
  return found;
}

/** "Gemm(float16)": distinct input types, and the output type of a cast. */
function nameOf(node: GraphNode, facts: Facts): string {
  const types = node.inputs
    .filter((value) => value !== "")
    .map((value) => facts.of(value).dtype ?? "unknown");
  const made = node.opType === "Cast" ? [`to ${facts.of(node.outputs[0]!).dtype}`] : [];
  const outputs = node.outputs.filter((value) => value !== "").length;
  const many = outputs > 1 && node.opType !== "Split" ? `, ${outputs} outputs` : "";
  return `${node.opType}(${[...new Set(types), ...made].join(", ")})${many}`;
}

/** A graph of one node; constants stay constants. */
function alone(node: GraphNode, graph: Graph, facts: Facts): Graph {
  const infoOf = (value: string) => {
    const { dtype, shape } = facts.of(value);
    if (dtype === undefined || shape === undefined) throw new Error(`'${value}' has no type and shape`);
    return { name: value, dtype, shape: shape.map((size) => Number(size)) };
  };
  const read = [...new Set(node.inputs)].filter((value) => value !== "");
  const initializers = read.flatMap((value) => graph.initializers.get(value) ?? []);
  return {
    ...graph,
    nodes: [node],
    initializers: new Map(initializers.map((initializer) => [initializer.name, initializer])),
    inputs: read.filter((value) => !graph.initializers.has(value)).map(infoOf),
    outputs: node.outputs.filter((value) => value !== "").map(infoOf),
  };
}

/** Whether a runtime supports a kind completely. */
async function computes(runtime: Runtime, { name, graph }: Kind): Promise<boolean> {
  try {
    const session = await runtime.load({ kind: "bytes", bytes: encodeModel(graph) }, { name });
    await session.release();
    return true;
  } catch {
    return false;
  }
}

describe("operators of training steps", () => {
  const answers = new Map<string, { readonly cpu: boolean; readonly webgpu: boolean }>();

  test("are computed by the CPU provider, every one", async () => {
    for (const kind of kinds)
      answers.set(kind.name, {
        cpu: await computes(runtimes.cpu, kind),
        webgpu: await computes(runtimes.gpu, kind),
      });
    expect([...answers].filter(([, { cpu }]) => !cpu)).toEqual([]);
    expect(answers.size).toBeGreaterThan(40);
  });

  test("that WebGPU's provider lacks are in no step that is written for it", () => {
    const lacking = [...answers].filter(([, { webgpu }]) => !webgpu).map(([name]) => name);
    expect(lacking.length).toBeGreaterThan(3);
    // float16 needs shader-f16, which software adapters do not have.
    expect(lacking.filter((name) => written.has(name) && !name.includes("float16"))).toEqual([]);
  });
});
