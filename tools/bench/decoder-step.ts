/**
 * Measures where the time of a decoder step goes: ONNX Runtime's operators, and the bytes that their products read.
 *
 *   npm run build && npx jiti tools/bench/decoder-step.ts MODEL [key=value ...]
 *
 * MODEL is a model of target cpu. Defaults: source=16 tokens, past=32 tokens before the step, capacity=64 of the caches, threads=1,
 * steps=500. Each operator counts with the shortest of its times, because other programs distort means. Profiling adds about a
 * microsecond to an operator; the last line is about steps without it.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attributeOf, readLinked, type GraphNode } from "@slm/onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { z } from "zod";
import { table } from "../lib/markdown.mjs";
import { settingsOf } from "../lib/settings.mjs";

const [model, ...given] = process.argv.slice(2);
if (model === undefined) throw new Error("usage: decoder-step.ts MODEL [key=value ...]");
const settings = settingsOf({ source: 16, past: 32, capacity: 64, threads: 1, steps: 500 }, given);
const sizes: Readonly<Record<string, number>> = { ...settings, batch: 1, target: 1 };
const path = join(model, "decoder.onnx");
const { graph } = await readLinked(path);

/** Inputs of a step of one token. The time does not depend on their values. */
const feeds = Object.fromEntries(
  graph.inputs.map(({ name, dtype, shape }) => {
    const dims = shape.map((size) => (typeof size === "number" ? size : sizes[size]!));
    const count = dims.reduce((product, size) => product * size, 1);
    const data =
      dtype === "int32"
        ? new Int32Array(count).fill(name === "past_length" ? settings.past : 7)
        : Float32Array.from({ length: count }, (_, at) => (at % 17) / 17);
    return [name, new Tensor(data, dims)];
  }),
);

/** Runs the steps. @returns their times, shortest first [ms] */
async function takeSteps(session: InferenceSession): Promise<readonly number[]> {
  const times: number[] = [];
  for (let step = 0; step < settings.steps; step++) {
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}

const profileEvent = z.object({
  name: z.string(),
  dur: z.number(),
  args: z.object({ op_name: z.string(), activation_size: z.coerce.number() }).partial(),
});

const options: InferenceSession.SessionOptions = {
  intraOpNumThreads: settings.threads,
  interOpNumThreads: 1,
  extra: { "session.force_spinning_stop": "1" },
};

async function profileSteps(): Promise<readonly z.infer<typeof profileEvent>[]> {
  const folder = await mkdtemp(join(tmpdir(), "decoder-step-"));
  try {
    const profiling = { enableProfiling: true, profileFilePrefix: join(folder, "profile") };
    const session = await InferenceSession.create(path, { ...options, ...profiling });
    await takeSteps(session);
    session.endProfiling();
    const [file = ""] = await readdir(folder);
    return z.array(profileEvent).parse(JSON.parse(await readFile(join(folder, file), "utf8")));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Quantized products of one shape are one kind. */
function kindOf(operator: string, node: GraphNode | undefined): string {
  const [bits, inputs, outputs] = ["bits", "K", "N"].map((name) => node && attributeOf(node, name, "int"));
  return inputs === undefined ? operator : `${operator} ${bits!} bits, ${inputs} to ${outputs!}`;
}

/** Weights with their scales, or the keys and values of attention. Not counted for other operators. */
function bytesRead(operator: string, node: GraphNode | undefined, activations = 0): number {
  if (operator !== "MatMulNBits") return operator.endsWith("MatMul") ? activations : 0;
  const weights = node!.inputs.map((name) => graph.initializers.get(name)?.data.byteLength ?? 0);
  return weights.reduce((sum, bytes) => sum + bytes, 0);
}

const SUFFIX = "_kernel_time";
const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
const operators = new Map<string, { readonly kind: string; readonly bytes: number; us: number }>();
for (const { name, dur, args } of await profileSteps()) {
  const { op_name: operator, activation_size: activations } = args;
  if (!name.endsWith(SUFFIX) || operator === undefined) continue;
  const node = nodes.get(name.slice(0, -SUFFIX.length));
  const us = Math.min(dur, operators.get(name)?.us ?? Infinity);
  operators.set(name, { kind: kindOf(operator, node), bytes: bytesRead(operator, node, activations), us });
}

const all = [...operators.values()];
const sumOf = (part: typeof all, key: "us" | "bytes"): number => part.reduce((sum, one) => sum + one[key], 0);
const rowOf = (kind: string, part: typeof all): readonly (string | number)[] => {
  const [us, bytes] = [sumOf(part, "us"), sumOf(part, "bytes")];
  const read = bytes === 0 ? ["", ""] : [(bytes / 1e6).toFixed(2), (bytes / us / 1000).toFixed(1)];
  return [kind, part.length, us, ((100 * us) / sumOf(all, "us")).toFixed(1), ...read];
};
const rows = [...new Set(all.map(({ kind }) => kind))]
  .map((kind) => all.filter((one) => one.kind === kind))
  .map((part) => rowOf(part[0]!.kind, part))
  .sort((a, b) => Number(b[2]) - Number(a[2]));
const head = ["operator", "count", "time [us]", "share [%]", "reads [MB]", "rate [GB/s]"];
const times = await takeSteps(await InferenceSession.create(path, options));
const [least, median] = [times[0]!, times[settings.steps >> 1]!].map((ms) => ms.toFixed(2));
process.stdout.write(`${table(head, [...rows, rowOf("all", all)])}\n
without profiling: shortest step ${least!} ms, median ${median!} ms\n`);
