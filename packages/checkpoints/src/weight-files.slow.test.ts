import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { verifyDirectory, writeArtifact } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeSafetensors, type DeferredTensor } from "./safetensors.js";
import { openWeights, SHARD_BYTES, weightFiles, writeWeights } from "./weight-files.js";
import { WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "./file-names.js";

const root = temporaryFolder({ each: true });

/** Tensors with these numbers of elements. Each element is its index. */
const tensorsOf = (sizes: readonly number[]): Map<string, HostTensor> =>
  new Map(
    sizes.map((size, at) => [
      `layer.${at}.weight`,
      createHostTensor(
        "float32",
        [size],
        Float32Array.from({ length: size }, (_, index) => at * 1000 + index),
      ),
    ]),
  );

const deferred = (tensors: ReadonlyMap<string, HostTensor>): Map<string, DeferredTensor> =>
  new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, read: () => Promise.resolve(tensor) }]));

async function readAll(directory: string): Promise<Map<string, HostTensor>> {
  const { entries, read, close } = await openWeights(directory);
  const tensors = new Map<string, HostTensor>();
  for (const name of entries.keys()) tensors.set(name, await read(name));
  await close();
  return tensors;
}

interface Index {
  readonly metadata: object;
  readonly weight_map: Record<string, string>;
}
const indexOf = async (directory: string): Promise<Index> =>
  JSON.parse(await readFile(join(directory, WEIGHTS_INDEX_FILE), "utf8")) as Index;

describe(writeWeights, () => {
  test("writes one file, as it always was, up to the limit, which is that of transformers", async () => {
    const tensors = tensorsOf([3, 4]);
    await writeWeights(root, deferred(tensors), { shardBytes: 28 });
    expect(await readdir(root)).toEqual([WEIGHTS_FILE]);
    expect(await readFile(join(root, WEIGHTS_FILE))).toEqual(Buffer.from(encodeSafetensors(tensors)));
    expect(SHARD_BYTES).toBe(5_000_000_000);
  });

  test("splits larger weights, in order, and lists the place of each tensor in the index", async () => {
    const tensors = tensorsOf([3, 4, 9, 1, 1]);
    await writeWeights(root, deferred(tensors), { shardBytes: 28, metadata: { note: "x" } });
    const shard = (at: number): string => `model-0000${at}-of-00003.safetensors`;
    expect((await readdir(root)).sort()).toEqual([shard(1), shard(2), shard(3), WEIGHTS_INDEX_FILE]);
    expect(weightFiles(root)).toEqual([shard(1), shard(2), shard(3), WEIGHTS_INDEX_FILE]);
    expect(await indexOf(root)).toEqual({
      metadata: { total_parameters: 18, total_size: 72 },
      weight_map: {
        "layer.0.weight": shard(1),
        "layer.1.weight": shard(1),
        "layer.2.weight": shard(2),
        "layer.3.weight": shard(3),
        "layer.4.weight": shard(3),
      },
    });
    const first = new Map([...tensors].slice(0, 2));
    expect(await readFile(join(root, shard(1)))).toEqual(
      Buffer.from(encodeSafetensors(first, { note: "x" })),
    );
  });

  test("replaces the weights of an earlier write", async () => {
    const names: string[][] = [];
    for (const shardBytes of [1000, 16, 32, 1000]) {
      const tensors = tensorsOf([4, 4, 4, 4]);
      await writeWeights(root, deferred(tensors), { shardBytes });
      expect(await readAll(root)).toEqual(tensors);
      names.push(await readdir(root));
    }
    expect(names.map(({ length }) => length)).toEqual([1, 5, 3, 1]);
  });

  test("keeps every tensor whatever the sizes and the limit, and no shard of several is larger than it", async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 300 }), async (counts, shardBytes) => {
        const directory = await mkdtemp(join(root, "case-"));
        const tensors = tensorsOf(counts);
        await writeWeights(directory, deferred(tensors), { shardBytes });
        expect(await readAll(directory)).toEqual(tensors);
        const files = weightFiles(directory);
        if (files.length === 1) return;
        const { weight_map: places } = await indexOf(directory);
        for (const file of files.filter((name) => name !== WEIGHTS_INDEX_FILE)) {
          const held = [...tensors]
            .filter(([name]) => places[name] === file)
            .map(([, { data }]) => data.byteLength);
          expect(held).not.toEqual([]);
          const bytes = held.reduce((sum, size) => sum + size, 0);
          if (held.filter((size) => size > 0).length > 1) expect(bytes).toBeLessThanOrEqual(shardBytes);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe(openWeights, () => {
  test("rejects shards that are missing, elsewhere, or next to whole weights", async () => {
    const tensors = tensorsOf([4, 4, 4, 4]);
    await writeWeights(root, deferred(tensors), { shardBytes: 32 });
    const index = await indexOf(root);
    const write = (change: Record<string, string>): Promise<void> =>
      writeFile(
        join(root, WEIGHTS_INDEX_FILE),
        JSON.stringify({ ...index, weight_map: { ...index.weight_map, ...change } }),
      );
    await write({ "layer.0.weight": "model-00002-of-00002.safetensors" });
    await expect(openWeights(root)).rejects.toThrow(withCode("DATA_INVALID"));
    await write({ "layer.9.weight": "model-00002-of-00002.safetensors" });
    await expect(openWeights(root)).rejects.toThrow(withCode("DATA_INVALID"));
    await write({ "layer.0.weight": "../model-00001-of-00002.safetensors" });
    await expect(openWeights(root)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await write({ "layer.0.weight": "other.safetensors" });
    await expect(openWeights(root)).rejects.toThrow(withCode("DATA_INVALID"));
    await write({});
    await rm(join(root, "model-00002-of-00002.safetensors"));
    await expect(openWeights(root)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await expect(openWeights(root)).rejects.toThrow(withCode("INPUT_MISSING"));
    await writeFile(join(root, WEIGHTS_FILE), encodeSafetensors(tensors));
    await expect(openWeights(root)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("names the missing file in a folder without weights", async () => {
    await expect(openWeights(root)).rejects.toThrow(WEIGHTS_FILE);
    expect(weightFiles(join(root, "nowhere"))).toEqual([WEIGHTS_FILE]);
  });
});

describe("an artifact with shards", () => {
  const spec = (directory: string) => ({
    directory,
    kind: "checkpoint" as const,
    key: "k",
    inputs: [],
    settings: {},
    origins: {},
    seed: 1,
  });
  const fill =
    (tensors: ReadonlyMap<string, DeferredTensor>) =>
    async (work: string): Promise<object> => {
      await writeWeights(work, tensors, { shardBytes: 32 });
      return {};
    };

  test("whose writer is killed between shards leaves the one before it, whole", async () => {
    const directory = join(root, "student");
    const before = tensorsOf([8, 8, 8]);
    await writeArtifact(spec(directory), fill(deferred(before)));
    // It writes the first shard, then waits for the second tensor forever.
    const program = `
      import { writeArtifact } from "@slm/core";
      import { writeWeights } from "../dist/weight-files.js";
      const tensor = (read) => ({ dtype: "float32", shape: [8], read });
      const whole = { dtype: "float32", shape: [8], data: new Float32Array(8) };
      const wait = () => new Promise(() => setInterval(() => {}, 1000));
      const tensors = new Map([["a", tensor(async () => whole)], ["b", tensor(wait)]]);
      const spec = ${JSON.stringify({ ...spec(directory), key: "killed" })};
      await writeArtifact(spec, async (work) => {
        await writeWeights(work, tensors, { shardBytes: 32 });
        return {};
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "ignore", "inherit"],
    });
    const written = join(root, "student.partial", "model-00001-of-00002.safetensors");
    const ended = once(child, "exit");
    await expect
      .poll(
        () =>
          stat(written).then(
            ({ size }) => size,
            () => 0,
          ),
        { timeout: 120_000 },
      )
      .toBeGreaterThan(32);
    child.kill("SIGKILL");
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(await readAll(directory)).toEqual(before);
    expect((await verifyDirectory(directory)).problems).toEqual([]);
    // The next save with other settings discards the files of the killed one.
    const after = tensorsOf([8, 8, 8, 8]);
    await writeArtifact({ ...spec(directory), key: "after" }, fill(deferred(after)));
    expect(await readAll(directory)).toEqual(after);
    expect((await verifyDirectory(directory)).problems).toEqual([]);
  });
});
