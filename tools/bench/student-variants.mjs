/**
 * What an option of the student costs and brings: one recipe trained once for each variant, measured on its test rows and timed in turn.
 *
 *   npm run build && node tools/bench/student-variants.mjs RECIPE --out DIR [--set path=value ...] [--runs N] VARIANT ...
 *
 * A VARIANT is NAME or NAME:path=value, with further settings behind `;`:
 *
 *   node tools/bench/student-variants.mjs configs/spelling/recipe.yaml --out runs/variants --set distill.steps=500 \
 *     plain 'pooled:distill.student.encoderPooling={"afterLayers":[1],"group":2}' \
 *     'shallow:distill.student.encoderLayers=6;distill.student.decoderLayers=1'
 *
 * Each variant is a run of the whole recipe in DIR/NAME without bench and deploy, so that the command may be repeated after a stop. Prints a line for
 * each: parameters, the first scheme's metrics on the test rows with 95 % intervals, its bytes, and time to first token, time of an answer and
 * tokens/s of `slm bench`, in which the models take turns. Times count only on an idle machine: `--bench-only` repeats that part.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { slm } from "../suite/cell.mjs";

const { values, positionals } = parseArgs({
  options: {
    out: { type: "string" },
    set: { type: "string", multiple: true, default: [] },
    runs: { type: "string", default: "100" },
    threads: { type: "string", default: "2" },
    "bench-only": { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const [recipe, ...given] = positionals;
if (recipe === undefined || values.out === undefined || given.length === 0)
  throw new Error("usage: student-variants.mjs RECIPE --out DIR [--set path=value ...] VARIANT ...");

const variants = given.map((text) => {
  const [name, ...rest] = text.split(":");
  const settings = rest.join(":");
  return { name, folder: join(values.out, name), settings: settings === "" ? [] : settings.split(";") };
});
const { quantize } = parse(await readFile(recipe, "utf8"));
const [scheme] = quantize.schemes;
const metrics = quantize.metrics ?? [quantize.gate.metric];

for (const { folder, settings } of values["bench-only"] ? [] : variants) {
  const sets = [...values.set, ...settings, `quantize.schemes=["${scheme}"]`, "bench=null", "deploy=null"];
  const flags = sets.flatMap((setting) => ["--set", setting]);
  await slm(["run", recipe, "--out", folder, "--threads", values.threads, ...flags]);
}

const measured = [];
for (const { name, folder } of variants) {
  const rows = ["--data", join(folder, "data", "test.jsonl"), "--metrics", metrics.join(",")];
  const model = join(folder, "quantize", scheme);
  const quality = await slm(["eval", model, ...rows, "-o", join(folder, "predictions.jsonl")]);
  measured.push({ name, model, quality });
}
const { models } = await slm([
  ...["bench", ...measured.map(({ model }) => model), "--threads", values.threads],
  ...["--data", join(variants[0].folder, "data", "test.jsonl"), "--runs", values.runs],
  ...["--draft-tokens", "0"], // Plain greedy decoding: one entry for each model.
]);

const percent = (value) => (value * 100).toFixed(1);
const quoted = ({ metrics: found, intervals }, metric) => {
  const { low, high } = intervals[metric];
  return `${percent(found[metric])} (${percent(low)} to ${percent(high)})`;
};
const HEAD = ["variant", "parameters", ...metrics, "bytes", "first token [ms]", "answer [ms]", "tokens/s"];
process.stdout.write(`| ${HEAD.join(" | ")} |\n|${" --- |".repeat(HEAD.length)}\n`);
for (const [at, { name, quality }] of measured.entries()) {
  const { parameters, bytes, firstTokenMs, totalMs, tokensPerSecond } = models[at];
  const cells = [
    ...[name, parameters, ...metrics.map((metric) => quoted(quality, metric))],
    ...[bytes, firstTokenMs.p50.toFixed(2), totalMs.p50.toFixed(2), Math.round(tokensPerSecond.p50)],
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}
