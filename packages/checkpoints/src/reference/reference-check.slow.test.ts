import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { checkReference, REFERENCE_TOLERANCES } from "./reference-check.js";
import { encodeSafetensors, readSafetensors } from "../safetensors.js";

const FIXTURES = join(import.meta.dirname, "../../fixtures/mu-reference");

let engine: Engine;
beforeAll(async () => {
  engine = await createEagerEngine("js");
});

const directory = temporaryFolder({ each: true });

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

describe("a directory that is not of the layout is rejected", () => {
  beforeEach(() => copyFixture("tiny-mha"));

  test("a missing file is named", async () => {
    await rm(join(directory, "expected.safetensors"));
    await expect(checkReference(directory, engine)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await expect(checkReference(directory, engine)).rejects.toThrow(withCode("INPUT_MISSING"));
  });

  test("a missing tensor is named", async () => {
    const path = join(directory, "model.safetensors");
    const { tensors } = await readSafetensors(path);
    const fewer = new Map([...tensors].filter(([name]) => name !== "transformer.ln_f.weight"));
    await writeFile(path, encodeSafetensors(fewer));
    await expect(checkReference(directory, engine)).rejects.toThrow(withCode("SHAPE_MISMATCH"));
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
