/** Third-party ONNX files: branches, dynamic sizes, numbers that are not finite, nothing to quantize. */
import { GraphBuilder, int, readOnnx, subgraph, writeOnnx, type Graph } from "@slm/onnx";
import { encodeSafetensors } from "@slm/checkpoints";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { openRuntime } from "@slm/models/engines";
import { runCommand, type CommandOutcome } from "../testing/run-command.js";

const WIDTH = 32;
const root = temporaryFolder();
let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime(1);
  await writeOnnx(network(), at("network.onnx"));
  await writeOnnx(convolution(), at("convolution.onnx"));
  await mkdir(at("feeds"));
  await writeFile(at("feeds", "0.safetensors"), encodeSafetensors(new Map(Object.entries(feedsOf(true)))));
});
afterAll(async () => {
  await runtime.close();
});

const at = (...parts: readonly string[]): string => join(root, ...parts);
const noise = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, place) => {
    const spread = Math.sin((place + 1) * seed * 12.9898) * 43_758.5453;
    return spread - Math.floor(spread) - 0.5;
  });

/** One weight that is multiplied outside and inside a branch, a table of masks that the branch reads, and sizes without names. */
function network(): Graph {
  const g = new GraphBuilder("network");
  const x = g.input("x", "float32", ["?", WIDTH]);
  const c = g.op("Cast", [g.input("c", "int32", [])], { attributes: { to: int(9) } });
  const w = g.initializer("w", "float32", [WIDTH, WIDTH], noise(WIDTH * WIDTH, 1.7));
  const masks = noise(2 * WIDTH, 0.3);
  masks[WIDTH + 3] = -Infinity;
  const table = g.initializer("masks", "float32", [2, WIDTH], masks);
  const hidden = g.op("Relu", [g.op("MatMul", [x, w])]);
  const masked = (): string =>
    g.op("Softmax", [g.op("Add", [g.op("MatMul", [hidden, w]), g.op("Gather", [table, g.ints([1])])])]);
  const attributes = {
    then_branch: subgraph(g.branch("then", masked)),
    else_branch: subgraph(g.branch("else", () => g.op("Neg", [hidden]))),
  };
  g.output("y", g.op("If", [c], { attributes, name: "choose" }), "float32", ["", ""]);
  return g.build();
}

function convolution(): Graph {
  const g = new GraphBuilder("convolution");
  const w = g.initializer("w", "float32", [1, 1, 1, 1], Float32Array.of(1));
  const x = g.input("x", "float32", [1, 1, 4, 4]);
  g.output("y", g.op("Conv", [x, w], { attributes: { group: int(1) } }), "float32", [1, 1, 4, 4]);
  return g.build();
}

const feedsOf = (condition: boolean) => ({
  x: createHostTensor("float32", [2, WIDTH], noise(2 * WIDTH, 0.9)),
  c: createHostTensor("int32", [], Int32Array.of(condition ? 1 : 0)),
});

async function answers(path: string, condition: boolean): Promise<readonly number[]> {
  const session = await runtime.load({ kind: "file", path }, { name: "external" });
  try {
    const { fetched } = await session.run({ feeds: feedsOf(condition), fetch: ["y"] });
    return Array.from(fetched.y!.data as Float32Array);
  } finally {
    await session.release();
  }
}

const quantize = (file: string, ...flags: readonly string[]): Promise<CommandOutcome> =>
  runCommand("quantize", [at(file), ...flags, "--threads", "1", "--json"]);
const report = z.object({
  nodes: z.array(z.object({ name: z.string(), weight: z.string() })),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
});

describe("slm quantize of a file with branches and masks", () => {
  test.each([
    ["int8-dynamic", []],
    ["int4-block", []],
    ["a8w8", ["--calibration"]],
  ])("%s computes nearly the same in either branch", async (scheme, calibration) => {
    const data = calibration.flatMap((flag) => [flag, at("feeds")]);
    const sizes = ["--shape", `x=2,${WIDTH}`];
    const outcome = await quantize("network.onnx", "--scheme", scheme, ...sizes, ...data, "-o", at(scheme));
    expect([outcome.exitCode, outcome.stderr]).toEqual([0, expect.anything()]);
    const { nodes, skipped } = z.object({ result: report }).parse(outcome.json).result;
    expect(skipped).toContainEqual({
      name: "masks",
      reason: `it contains -Infinity (element ${WIDTH + 3}), which integers cannot represent`,
    });
    expect(nodes.map(({ weight }) => weight)).toEqual(scheme === "a8w8" ? ["w"] : ["w", "w"]);
    const path = at(scheme, "network.onnx");
    const graph = await readOnnx(path);
    expect(graph.inputs[0]!.shape).toEqual([2, WIDTH]);
    expect(graph.outputs[0]!.shape).toEqual([2, WIDTH]);
    for (const condition of [true, false]) {
      const [before, after] = [await answers(at("network.onnx"), condition), await answers(path, condition)];
      const largest = Math.max(...before.map(Math.abs));
      before.forEach((value, place) => {
        expect(Math.abs(value - after[place]!)).toBeLessThan(0.15 * largest);
      });
    }
  });
});

describe("a command that fails", () => {
  const before = async (): Promise<readonly string[]> => (await readdir(root)).sort();

  test.each<[string, number, RegExp, string, readonly string[]]>([
    [
      "finds nothing to quantize",
      65,
      /no weights to quantize/,
      "convolution.onnx",
      ["--scheme", "int8-dynamic"],
    ],
    ["has no such input", 2, /no input or symbol/, "network.onnx", ["--scheme", "cpu", "--shape", "z=1"]],
    ["has another number of axes", 2, /has 2 axes/, "network.onnx", ["--scheme", "cpu", "--shape", "x=1"]],
    [
      "has sizes that do not fit",
      2,
      /axis 1 of input 'x' is 32/,
      "network.onnx",
      ["--scheme", "cpu", "--shape", "x=2,31"],
    ],
    ["cannot read its sizes", 2, /--shape x=2,a/, "network.onnx", ["--scheme", "cpu", "--shape", "x=2,a"]],
    ["has no such file", 66, /no such file|ENOENT/, "gone.onnx", ["--scheme", "cpu"]],
    ["has no data", 66, /nowhere/, "network.onnx", ["--scheme", "a8w8", "--calibration", "nowhere"]],
  ])("because it %s leaves no files behind", async (_, exitCode, message, file, flags) => {
    const listed = await before();
    const outcome = await quantize(file, ...flags, "-o", at("deep", "er", "out"));
    expect(outcome.exitCode).toBe(exitCode);
    expect(outcome.json).toMatchObject({ error: { message: expect.stringMatching(message) as string } });
    expect(await before()).toEqual(listed);
  });

  test("leaves existing files unchanged", async () => {
    await mkdir(at("mine"));
    await writeFile(at("mine", "thesis.txt"), "years of work");
    const outcome = await quantize("network.onnx", "--scheme", "cpu", "-o", at("mine"));
    expect(outcome.exitCode).toBe(74);
    expect(await readdir(at("mine"))).toEqual(["thesis.txt"]);
    expect(await before()).not.toContain("mine.partial");
  });
});

describe("slm analyze --shape", () => {
  const analyze = (...flags: readonly string[]): Promise<CommandOutcome> =>
    runCommand("analyze", [at("network.onnx"), "--target", "npu", ...flags]);

  test("is the suggestion of an analysis without it, which leaves the numbers to the user", async () => {
    const { exitCode, stdout, stderr } = await analyze();
    expect(exitCode).toBe(3);
    expect(stdout).toContain(`fix the sizes, --shape x=1,${WIDTH}, or export`);
    expect(stderr).toContain(
      `slm analyze ${at("network.onnx")} --target npu --profile qnn --shape x=1,${WIDTH}`,
    );
  });

  test("fixes every size", async () => {
    const { json } = await analyze("--shape", `x=2,${WIDTH}`, "--json");
    const rules = z.object({ result: z.object({ findings: z.array(z.object({ rule: z.string() })) }) });
    const found = rules.parse(json).result.findings.map(({ rule }) => rule);
    expect(found).toContain("control-flow");
    expect(found).not.toContain("static-shape");
  });

  test("is rejected if no input matches, and for models with fixed sizes", async () => {
    expect((await analyze("--shape", "x=2")).exitCode).toBe(2);
    expect((await analyze("--shape", "nothing")).exitCode).toBe(2);
    await mkdir(at("directory"));
    const { exitCode, stderr } = await runCommand("quantize", [
      at("directory"),
      "--scheme",
      "cpu",
      "--shape",
      "x=1",
    ]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("expected an ONNX file, got the model")]);
  });
});
