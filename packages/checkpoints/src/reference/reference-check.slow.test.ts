import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkReference, REFERENCE_TOLERANCES } from "./reference-check.js";
import { encodeSafetensors, readSafetensors } from "../safetensors.js";

const FIXTURES = join(import.meta.dirname, "../../fixtures/mu-reference");
const WEIGHT_FILES = ["model.safetensors", "gradients.safetensors"];

let engine: Engine;
beforeAll(async () => {
  engine = await createEagerEngine("js");
});

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "reference-"));
});
afterEach(() => rm(directory, { recursive: true }));

type Change = (name: string, tensor: HostTensor) => HostTensor;

async function changeTensors(file: string, change: Change): Promise<void> {
  const path = join(directory, file);
  const { tensors, metadata } = await readSafetensors(path);
  const changed = new Map([...tensors].map(([name, tensor]) => [name, change(name, tensor)]));
  await writeFile(path, encodeSafetensors(changed, metadata));
}

async function changeConfig(changes: Readonly<Record<string, unknown>>): Promise<void> {
  const path = join(directory, "config.json");
  const config = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...config, ...changes }));
}

const copyFixture = (name: string): Promise<void> => cp(join(FIXTURES, name), directory, { recursive: true });

describe.each(["tiny-mha", "tiny-gqa"])("%s", (name) => {
  test("has the numbers of the paper's code: outputs, losses and gradients", async () => {
    const report = await checkReference(join(FIXTURES, name), engine);
    expect(report.encoderOutput.maxAbs).toBeLessThan(3e-5);
    expect(report.logits.maxAbs).toBeLessThan(3e-5);
    expect(report.gradients.maxRel).toBeLessThan(REFERENCE_TOLERANCES.gradient);
    for (const { expected, actual } of Object.values(report.losses)) {
      expect(Math.abs(actual / expected - 1)).toBeLessThan(REFERENCE_TOLERANCES.loss);
    }
    expect(report.pass).toBe(true);
  });

  test.each([
    "transformer.wte.weight",
    "transformer.e.0.ln1.weight",
    "transformer.h.0.cross_attn.v_linear.weight",
    "transformer.h.0.mlp.fc2.bias",
  ])("fails when one value of %s is changed", async (weight) => {
    await copyFixture(name);
    await changeTensors("model.safetensors", (key, tensor) => {
      if (key !== weight) return tensor;
      const values = Float32Array.from(tensor.data as Float32Array);
      // Not the first: row 0 of the embedding is padding.
      values[values.length - 1] = values.at(-1)! + 0.05;
      return createHostTensor("float32", tensor.shape, values);
    });
    expect((await checkReference(directory, engine)).pass).toBe(false);
  });

  test("fails when a gradient or a loss is another one", async () => {
    await copyFixture(name);
    await changeTensors("gradients.safetensors", (key, tensor) =>
      key.endsWith("mlp.fc1.weight")
        ? createHostTensor(
            "float32",
            tensor.shape,
            (tensor.data as Float32Array).map((slope) => slope * 1.01),
          )
        : tensor,
    );
    const report = await checkReference(directory, engine);
    expect(report.pass).toBe(false);
    expect(report.gradients.worst).toContain("feedForward.up.weight");
  });
});

interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Blocks of `size` values along `axis` of a matrix (or of a vector), in the order of `from`. */
function permuteBlocks(tensor: HostTensor, axis: number, size: number, from: readonly number[]): HostTensor {
  const [rows, columns] =
    tensor.shape.length === 2 ? (tensor.shape as [number, number]) : [tensor.shape[0]!, 1];
  const source = tensor.data as Float32Array;
  const values = Float32Array.from(source, (_, index) => {
    const at = [Math.floor(index / columns), index % columns] as [number, number];
    const along = at[axis]!;
    at[axis] = from[Math.floor(along / size)]! * size + (along % size);
    return source[at[0] * columns + at[1]]!;
  });
  expect(rows * columns).toBe(source.length);
  return createHostTensor("float32", tensor.shape, values);
}

test("a modulo model with its query heads reordered is the grouped model with the same numbers", async () => {
  await copyFixture("tiny-gqa");
  const config = JSON.parse(await readFile(join(directory, "config.json"), "utf8")) as Record<string, number>;
  const layout: Heads = {
    heads: config["n_head"]!,
    kvHeads: config["n_kv_head"]!,
    headDim: config["qkv_embd"]! / config["n_head"]!,
  };
  const group = layout.heads / layout.kvHeads;
  // Grouped head h reads KV head h div group: it replaces the modulo head that read the same KV head.
  const from = Array.from(
    { length: layout.heads },
    (_, h) => Math.floor(h / group) + (h % group) * layout.kvHeads,
  );
  for (const file of WEIGHT_FILES) {
    await changeTensors(file, (name, tensor) => {
      if (/\.q_linear\./.test(name)) return permuteBlocks(tensor, 0, layout.headDim, from);
      if (/\.out_linear\.weight$/.test(name)) return permuteBlocks(tensor, 1, layout.headDim, from);
      return tensor;
    });
  }
  expect((await checkReference(directory, engine)).pass, "the order not changed in the config").toBe(false);
  await changeConfig({ is_interleaved: true });
  const report = await checkReference(directory, engine);
  expect(report.pass).toBe(true);
  expect(report.logits.maxAbs).toBeLessThan(3e-5);
});

test("a model with twice the feed-forward width and a silent second half has the same outputs", async () => {
  await copyFixture("tiny-gqa");
  const inner =
    2 *
    ((JSON.parse(await readFile(join(directory, "config.json"), "utf8")) as Record<string, number>)[
      "hidden_dim"
    ] ?? 0);
  await changeConfig({ hidden_dim: inner });
  const pad = (tensor: HostTensor, axis: number): HostTensor => {
    const [rows, columns] =
      tensor.shape.length === 2 ? (tensor.shape as [number, number]) : [tensor.shape[0]!, 1];
    const [newRows, newColumns] = axis === 0 ? [rows * 2, columns] : [rows, columns * 2];
    const values = new Float32Array(newRows * newColumns);
    (tensor.data as Float32Array).forEach((value, index) => {
      values[Math.floor(index / columns) * newColumns + (index % columns)] = value;
    });
    return createHostTensor("float32", tensor.shape.length === 2 ? [newRows, newColumns] : [newRows], values);
  };
  for (const file of WEIGHT_FILES) {
    await changeTensors(file, (name, tensor) => {
      if (/\.mlp\.fc1\./.test(name)) return pad(tensor, 0);
      if (/\.mlp\.fc2\.weight$/.test(name)) return pad(tensor, 1);
      return tensor;
    });
  }
  const report = await checkReference(directory, engine);
  expect(report.pass).toBe(true);
});

describe("a directory that is not of the layout is rejected", () => {
  beforeEach(() => copyFixture("tiny-mha"));

  test("a missing file is named", async () => {
    await rm(join(directory, "expected.safetensors"));
    await expect(checkReference(directory, engine)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await expect(checkReference(directory, engine)).rejects.toThrow("expected.safetensors");
  });

  test("a missing tensor is named", async () => {
    const path = join(directory, "model.safetensors");
    const { tensors } = await readSafetensors(path);
    const fewer = new Map([...tensors].filter(([name]) => name !== "transformer.ln_f.weight"));
    await writeFile(path, encodeSafetensors(fewer));
    await expect(checkReference(directory, engine)).rejects.toThrow("decoder.norm.weight");
  });

  test.each([
    { n_head: 0 },
    { qkv_embd: 13 },
    { is_interleaved: "yes" },
    { rope_factor: 2 },
    { pad_token_id: 1_000_000 },
  ])("a config with %o is invalid", async (changes) => {
    await changeConfig(changes);
    await expect(checkReference(directory, engine)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("a token id outside the vocabulary is invalid", async () => {
    await changeTensors("expected.safetensors", (name, tensor) =>
      name === "labels"
        ? createHostTensor(
            "int64",
            tensor.shape,
            (tensor.data as BigInt64Array).map((id) => id + 1000n),
          )
        : tensor,
    );
    await expect(checkReference(directory, engine)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
