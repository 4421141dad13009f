import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { deviceNotes } from "@slm/runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";
import {
  GateFailed,
  bench,
  distill,
  exportModel,
  openModel,
  planRecipe,
  quantize,
  runRecipe,
  serve,
  type WorkEvent,
} from "./index.js";

const root = temporaryFolder();
let recipe = "";
let run = "";
let deploy = "";
const events: WorkEvent[] = [];
beforeAll(async () => {
  recipe = await writeTinyRecipe(root, tinyRecipe(root));
  run = join(root, "run");
  const report = await runRecipe(recipe, { out: run, onEvent: (event) => events.push(event) });
  deploy = report.deploy!;
});

describe(runRecipe, () => {
  test("reports the progress of every stage, and the path of the bundle", () => {
    const stages = new Set(
      events.flatMap((event) => (event.kind === "progress" ? [event.update.stage] : [])),
    );
    expect([...stages]).toEqual(
      expect.arrayContaining(["data", "tokenizer", "teacher", "distill", "deploy"]),
    );
    expect(deploy).toBe(join(run, "deploy"));
  });

  test("skips stages that are up to date, as planned", async () => {
    const { stages } = await planRecipe(recipe, { out: run });
    expect(new Set(stages.map(({ status }) => status))).toEqual(new Set(["would-skip"]));
    const again = await runRecipe(recipe, { out: run });
    expect(new Set(again.stages.map(({ status }) => status))).toEqual(new Set(["skipped"]));
  });

  test("reads only the environment that it is given", async () => {
    process.env["SLM_DISTILL__STEPS"] = "3";
    try {
      const own = await planRecipe(recipe, { out: run });
      expect(own.stages.every(({ status }) => status === "would-skip")).toBe(true);
      const given = await planRecipe(recipe, { out: run, environment: process.env });
      expect(given.stages.find(({ name }) => name === "distill")?.status).toBe("would-run");
    } finally {
      delete process.env["SLM_DISTILL__STEPS"];
    }
  });

  test("ends with INTERRUPTED when its signal is aborted", async () => {
    const options = { out: join(root, "stopped"), signal: AbortSignal.abort() };
    await expect(runRecipe(recipe, options)).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("single functions", () => {
  test("distill returns the checkpoint and its figures", async () => {
    const student = await distill(recipe, { out: run });
    expect(student).toMatchObject({ checkpoint: join(run, "distill"), status: "skipped", steps: 2 });
    expect(student.loss).toBeGreaterThan(0);
  });

  test("exportModel and quantize write artifacts; a failed gate is an error with the result", async () => {
    const exported = await exportModel(join(run, "distill"), { output: join(root, "exported") });
    expect(exported.parity?.maxAbs).toBeLessThan(1e-3);
    const small = await quantize(exported.artifact, { scheme: "int8-dynamic", output: join(root, "small") });
    expect(small).toMatchObject({ gate: null, artifact: join(root, "small") });
    const gated = quantize(exported.artifact, {
      scheme: "int8-dynamic",
      output: join(root, "never"),
      gate: "logitDivergence:0",
      calibration: join(root, "dev.jsonl"),
    });
    await expect(gated).rejects.toBeInstanceOf(GateFailed);
    await expect(gated).rejects.toMatchObject({ result: { gate: { pass: false } } });
    expect(await readdir(root)).not.toContain("never");
  });

  // The measurement runs in compiled processes; tools/install tests it.
  test("bench requires a model", async () => {
    await expect(bench([])).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe(openModel, () => {
  test("answers one prompt, several prompts, and as a stream, with the same text", async () => {
    const model = await openModel(deploy);
    try {
      const { text } = await model.generate("abc");
      const [first, second] = await model.generate(["abc", { text: "deb" }], { maxTokens: 4 });
      expect(second).toBeDefined();
      expect(text.startsWith(first!.text)).toBe(true);
      let streamed = "";
      for await (const piece of model.stream("abc")) streamed += piece;
      expect(streamed).toBe(text);
      expect(model).toMatchObject({ directory: deploy, device: { provider: "wasm" } });
      expect(model.description.target).toBe("cpu");
    } finally {
      await model.close();
      await model.close();
    }
  });

  test("removes the export of a checkpoint when it is closed", async () => {
    const model = await openModel(join(run, "distill"));
    expect(await readdir(model.directory)).toContain("model.json");
    await model.close();
    await expect(readdir(model.directory)).rejects.toThrow("ENOENT");
  });
});

describe(serve, () => {
  test("answers until it is stopped", async () => {
    const server = await serve(deploy, { port: 0 });
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect(await server.stop()).toEqual({ drained: true });
    expect(await server.stopped).toEqual({ drained: true });
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  test("computes on the device that the model was exported for, and notes a fallback", async () => {
    const model = join(root, "for-gpu");
    await exportModel(join(run, "distill"), { target: "gpu", profile: "webgpu", output: model });
    const notes: string[] = [];
    const onEvent = (event: WorkEvent): void => {
      if (event.kind === "note") notes.push(event.text);
    };
    const server = await serve(model, { port: 0, onEvent });
    const generated = await fetch(`${server.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ source: "ab" }),
    });
    expect(generated.status).toBe(200);
    await server.stop();
    const request = serve(model, { port: 0, device: { kind: "gpu", profile: "directml" }, fallback: false });
    if (process.platform !== "win32")
      await expect(request).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE" });
    else await (await request).stop();
    const loaded = await openModel(model);
    expect(notes).toEqual(deviceNotes(loaded.device));
    await loaded.close();
  });

  test("rejects a model for an NPU, which answers one request at a time", async () => {
    const model = join(root, "for-npu");
    await exportModel(join(run, "distill"), { target: "npu", profile: "qnn", output: model });
    await expect(serve(model, { port: 0 })).rejects.toMatchObject({ code: "OP_UNSUPPORTED" });
  });

  test("stops when its signal is aborted", async () => {
    const controller = new AbortController();
    const { stopped } = await serve(deploy, { port: 0, signal: controller.signal });
    controller.abort();
    expect(await stopped).toEqual({ drained: true });
  });
});
