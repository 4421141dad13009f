/** Calibration by several workers produces byte for byte the quantized model of one machine. */
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeSafetensors } from "@slm/checkpoints";
import { sha256 } from "@slm/core";
import { createRandom } from "@slm/generation";
import { createHostTensor } from "@slm/runtime";
import type { WorkerShare } from "@slm/extension-workers";
import { execa } from "execa";
import { beforeAll, describe, expect, test } from "vitest";
import { bin } from "../slm-process.js";
import { lines, words, writeRun } from "./cache-run.js";
import { withStudent, writeModel } from "./exported-model.js";
import { useScene } from "./scene.js";
import { environment, startOtherWorker, startWorker, until, watchMessages } from "./worker-process.js";

/** A hundred runs of up to 32 rows: 13 parts. */
const ROWS = 3000;
/** Files with inputs: three parts, one incomplete. */
const FEEDS = 19;

const scene = useScene("calibration");
const { at, workers } = scene;

beforeAll(async () => {
  await writeModel(await writeRun(at("rows"), words(400, 1)), at("trained"), at("model"));
  await writeFile(at("rows.jsonl"), lines(words(ROWS, 3)));
});

/** Hash of every file of a quantized directory except the manifest, which contains times. */
async function contentsOf(directory: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name !== "manifest.json")
    .map((entry) => join(entry.parentPath, entry.name));
  const hashes = paths.map(
    async (path) => [path.slice(directory.length), sha256(await readFile(path))] as const,
  );
  return Object.fromEntries((await Promise.all(hashes)).sort());
}

interface Made {
  readonly contents: Readonly<Record<string, string>>;
  readonly report: object;
  readonly shares: readonly WorkerShare[];
}

/** Runs `slm quantize`. @returns hashes of its output, and its result without times, paths and workers */
async function quantize(name: string, ...argv: readonly string[]): Promise<Made> {
  const output = ["-o", at(name), "--threads", "1", "--json"];
  const { stdout } = await execa(process.execPath, [bin, "quantize", ...argv, ...output], {
    env: environment(),
  });
  const { result } = JSON.parse(stdout) as { result: Made["report"] & { workers?: readonly WorkerShare[] } };
  const { workers: shares = [], ...report } = result;
  return { contents: await contentsOf(at(name)), report: { ...report, artifact: "" }, shares };
}

/** The workers' shared storage, and its flags. */
async function sharedBy(
  name: string,
): Promise<{ readonly storage: string; readonly scratch: string; readonly flags: readonly string[] }> {
  const [storage, scratch] = [at(name, "shared"), at(name, "scratch")];
  await mkdir(storage, { recursive: true });
  return { storage, scratch, flags: ["--workers", scene.redis.url, "--storage", storage] };
}

const sumOf = (shares: readonly WorkerShare[], key: "jobs" | "units"): number =>
  shares.reduce((sum, share) => sum + share[key], 0);

describe("slm quantize --workers", () => {
  test("writes the bytes of one machine when a worker is killed in the middle of a job", async () => {
    // Ranges and Gram matrices of two graphs.
    const how = ["--scheme", "a16w4"];
    const rows = ["--calibration", at("rows.jsonl"), "--calibration-rows", String(ROWS)];
    const alone = await quantize("alone", at("model"), ...how, ...rows);
    const { flags, ...places } = await sharedBy("killed");
    const mark = at("killed", "mark");
    const hanging = startOtherWorker(
      scene.redis,
      { ...places, program: "hanging-process.mjs" },
      { SLM_TEST_MARK: mark },
    );
    workers.push(hanging);
    const messages = watchMessages(scene.redis.client);
    const quantizing = quantize("by-workers", at("model"), ...how, ...rows, ...flags);
    await until("it is in the middle of a job", () =>
      stat(mark).then(
        () => true,
        () => false,
      ),
    );
    expect(await readFile(mark, "utf8")).toBe("totals");
    workers.push(startWorker(scene.redis, places), startWorker(scene.redis, places));
    hanging.process.kill("SIGKILL");
    expect(await hanging.ended).toBe(null);
    const { contents, report, shares } = await quantizing;
    expect(contents).toEqual(alone.contents);
    expect(Object.keys(contents)).toContain("/decoder.onnx.data");
    expect(report).toEqual(alone.report);
    expect(alone.shares).toEqual([]);
    expect(workers.map(({ output }) => output()).join("")).toContain("reassigned from a worker that is gone");
    // Two statistics of two graphs in 13 parts each; every part was accepted once, from the two that lived.
    expect(shares).toHaveLength(2);
    expect(sumOf(shares, "jobs")).toBe(2 * 2 * 13);
    expect(sumOf(shares, "units")).toBe(2 * 2 * ROWS);
    const { longest } = await messages.stop();
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThanOrEqual(4096);
    expect(await readdir(places.storage)).toEqual([]);
  });

  test("that was interrupted goes on, and leaves nothing behind", async () => {
    const how = [at("model"), "--scheme", "a8w8", "--calibration", at("rows.jsonl")];
    const alone = await quantize("whole-alone", ...how);
    const { flags, ...places } = await sharedBy("interrupted");
    const worker = startWorker(scene.redis, places);
    workers.push(worker);
    const interrupted = at("interrupted", "quantized");
    const argv = [bin, "quantize", ...how, ...flags, "-o", interrupted, "--threads", "1", "--quiet"];
    const running = execa(process.execPath, argv, { env: environment(), reject: false });
    await until("a part is done", () => /part-\d+-\w+: done/u.test(worker.output()));
    running.kill("SIGINT");
    expect((await running).exitCode).toBe(130);
    expect(await readdir(at("interrupted"))).not.toContain("quantized");
    const { contents, shares } = await quantize("interrupted/quantized", ...how, ...flags);
    expect(contents).toEqual(alone.contents);
    expect(sumOf(shares, "jobs")).toBeGreaterThan(0);
    expect(await readdir(places.storage)).toEqual([]);
    expect(await scene.redis.client.keys("*-part-*")).toEqual([]);
  });

  test("writes the bytes of one machine for an ONNX file with feeds of its own", async () => {
    await mkdir(at("feeds"));
    const { next } = createRandom(5);
    for (let run = 0; run < FEEDS; run++) {
      const ids = Int32Array.from({ length: 12 }, () => Math.floor(next() * 8));
      const feeds = {
        source_ids: createHostTensor("int32", [2, 6], ids),
        source_lengths: createHostTensor("int32", [2], Int32Array.of(6, 6)),
      };
      const file = at("feeds", `${String(run).padStart(2, "0")}.safetensors`);
      await writeFile(file, encodeSafetensors(new Map(Object.entries(feeds))));
    }
    const argv = [at("model", "encoder.onnx"), "--scheme", "a8w8", "--calibration", at("feeds")];
    const alone = await quantize("file-alone", ...argv);
    const { flags, ...places } = await sharedBy("file");
    workers.push(startWorker(scene.redis, places), startWorker(scene.redis, places));
    const { contents, report, shares } = await quantize("file-by-workers", ...argv, ...flags);
    expect(contents).toEqual(alone.contents);
    expect(report).toEqual(alone.report);
    expect([sumOf(shares, "jobs"), sumOf(shares, "units")]).toEqual([3, FEEDS]);
    expect(await readdir(places.storage)).toEqual([]);
  });

  test("writes the bytes of one machine for graphs of fixed sizes, which take a run per token", async () => {
    const argv = ["--target", "npu", "--buckets", "6,8", "-o", at("fixed"), "--quiet"];
    await execa(process.execPath, [bin, "export", at("trained", "distill"), ...argv], { env: environment() });
    const how = [at("fixed"), "--scheme", "a8w8", "--calibration", at("rows.jsonl")];
    const alone = await quantize("fixed-alone", ...how);
    const { flags, ...places } = await sharedBy("fixed-shared");
    workers.push(startWorker(scene.redis, places));
    const { contents, shares } = await quantize("fixed-by-workers", ...how, ...flags);
    expect(contents).toEqual(alone.contents);
    // 48 texts in six parts, for the encoder and the decoder of either size.
    expect(sumOf(shares, "jobs")).toBe(6 * 2 * 2);
  });

  test("is rejected without calibration rows", async () => {
    const { flags } = await sharedBy("none");
    const argv = ["quantize", at("model"), "--scheme", "int8-dynamic", "-o", at("none", "out"), "--json"];
    const { exitCode, stdout } = await execa(process.execPath, [bin, ...argv, ...flags], {
      env: environment(),
      reject: false,
    });
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "USAGE" } });
  });
});

test("slm run --workers makes the quantized models of one machine, and says which worker did how much", async () => {
  const recipe = await writeRun(at("whole"), words(400, 1));
  const gate = { metric: "per", maxDrop: 1 };
  await withStudent(recipe, { export: {}, quantize: { schemes: ["a8w8", "int4-block"], gate } });
  const run = async (out: string, ...more: readonly string[]): Promise<void> => {
    const argv = [bin, "run", recipe, "--out", out, "--threads", "1", "--quiet", ...more];
    await execa(process.execPath, argv, { env: environment() });
  };
  await run(at("whole", "alone"));
  await cp(at("whole", "alone"), at("whole", "by-workers"), { recursive: true });
  await rm(at("whole", "by-workers", "quantize"), { recursive: true });
  const { flags, ...places } = await sharedBy("whole");
  workers.push(startWorker(scene.redis, places), startWorker(scene.redis, places));
  await run(at("whole", "by-workers"), ...flags);
  const expected = await contentsOf(at("whole", "alone", "quantize"));
  expect(Object.keys(expected)).toContain("/a8w8/decoder.onnx");
  expect(await contentsOf(at("whole", "by-workers", "quantize"))).toEqual(expected);
  const manifest = await readFile(at("whole", "by-workers", "quantize", "manifest.json"), "utf8");
  const { details } = JSON.parse(manifest) as { details: { workers: readonly WorkerShare[] } };
  expect(sumOf(details.workers, "jobs")).toBeGreaterThan(0);
  expect(await readdir(places.storage)).toEqual([]);
});
