/** A user's program: compiled in strict mode with the published declarations, then run. */
import assert from "node:assert/strict";
import {
  GateFailed,
  SlmError,
  bench,
  distill,
  exportModel,
  openModel,
  planRecipe,
  quantize,
  runRecipe,
  serve,
  type WorkEvent,
} from "@encdec/slm";

const [recipe = "", run = "", prompt = ""] = process.argv.slice(2);
const set = process.env["SETTINGS"]?.split(" ") ?? [];

// The run is up to date: every stage is skipped, and events report it.
const events: WorkEvent[] = [];
const { stages, deploy } = await runRecipe(recipe, { set, out: run, onEvent: (event) => events.push(event) });
assert.ok(stages.every(({ status }) => status === "skipped"));
assert.ok(events.some((event) => event.kind === "progress" && event.update.stage === "distill"));
assert.ok(deploy !== null);
const plan = await planRecipe(recipe, { set, out: run });
assert.ok(plan.stages.every(({ status }) => status === "would-skip"));
const { checkpoint, metrics } = await distill(recipe, { set, out: run });
assert.ok(Object.values(metrics).every(Number.isFinite));

// A signal stops the work with a specific error code.
const stopped = AbortSignal.abort();
await assert.rejects(runRecipe(recipe, { set, out: "elsewhere", signal: stopped }), (error: unknown) => {
  return error instanceof SlmError && error.code === "INTERRUPTED";
});

const exported = await exportModel(checkpoint, { output: "exported" });
assert.ok(exported.parity !== null);
const small = await quantize(exported.artifact, { scheme: "int8-dynamic", output: "small" });
assert.ok(small.bytesAfter < small.bytesBefore);
await assert.rejects(
  quantize(exported.artifact, {
    scheme: "int8-dynamic",
    output: "never",
    gate: "logitDivergence:0",
    calibration: `${run}/data/dev.jsonl`,
    calibrationRows: 8,
  }),
  GateFailed,
);

const model = await openModel(deploy);
const { text } = await model.generate(prompt);
const [again] = await model.generate([prompt], { maxTokens: 40 });
assert.equal(again?.text, text);
let streamed = "";
for await (const piece of model.stream(prompt)) streamed += piece;
assert.equal(streamed, text);
await model.close();

const { models } = await bench([deploy], { prompts: [prompt], runs: 2 });
assert.equal(models.length, 1);

const server = await serve(deploy, { port: 0 });
const answer = await fetch(`${server.url}/v1/completions`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ model: server.model, prompt }),
});
assert.equal(answer.status, 200);
const { drained } = await server.stop();
assert.ok(drained);
assert.deepEqual(await server.stopped, { drained });

console.log(JSON.stringify({ text }));
