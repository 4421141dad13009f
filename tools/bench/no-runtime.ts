/**
 * Compares what runs a small model: C and WebAssembly without a runtime, and ONNX Runtime.
 *
 *   npm run build && npx jiti tools/bench/no-runtime.ts CHECKPOINT ROWS.jsonl [key=value ...]
 *   npx jiti tools/bench/no-runtime.ts CHECKPOINT 10x30 [key=value ...]     10 texts of 30 random letters, for `slm model init`
 *
 * Keys: rows=200 (first rows of the file), rounds=5, tokens=0 (longest answer; 0: that of the model), rules= (rows from which draft rules are
 * learned, for C and for ONNX Runtime). Every contender answers all rows in turn, one at a time on one thread; then the next round begins. Prints
 * the CPU time of an answer [ms], the least of all rounds, and the bytes of the weights. C is compiled by gcc with -O3 -march=native. Its
 * answers start from token ids; those of the others from text.
 */
import { execFileSync } from "node:child_process";
import { cp, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportModel, openModel, quantize } from "@slm/slm";
import { exportC } from "@slm/slm/functions/export-c";
import { createRandom } from "@slm/generation";
import { loadTokenizer } from "@slm/tokenizer";
import { firstSources } from "../lib/first-sources.mjs";
import { settingsOf } from "../lib/settings.mjs";

const [checkpoint, file, ...given] = process.argv.slice(2);
if (checkpoint === undefined || file === undefined)
  throw new Error("usage: no-runtime.ts CHECKPOINT ROWS.jsonl|10x30 [key=value ...]");
const options = settingsOf({ rows: 200, rounds: 5, tokens: 0, rules: "" }, given);
const shape = /^(\d+)x(\d+)$/u.exec(file);
const sources =
  shape === null ? await firstSources(file, options.rows) : randomTexts(Number(shape[1]), Number(shape[2]));
const draftRules = options.rules === "" ? undefined : options.rules;
const folder = await mkdtemp(join(tmpdir(), "slm-no-runtime-"));

function randomTexts(count: number, length: number): readonly string[] {
  const { next } = createRandom(1);
  const letter = (): string => String.fromCharCode(97 + Math.floor(26 * next()));
  return Array.from({ length: count }, () => Array.from({ length }, letter).join(""));
}

/** A way to run the model. */
interface Contender {
  readonly name: string;
  readonly bytes: number;
  /** CPU time of an answer, as the mean of one pass over all rows [ms]. */
  readonly pass: () => Promise<number>;
  readonly close?: () => Promise<void>;
}

async function ofC(weights: "float32" | "int8" | "int4", rules: string | undefined): Promise<Contender> {
  const output = join(folder, `c-${weights}${rules === undefined ? "" : "-rules"}`);
  await exportC(checkpoint!, { weights, name: "model", output, draftRules: rules });
  await cp(join(import.meta.dirname, "no-runtime.c"), join(output, "main.c"));
  const flags = ["-std=c99", "-O3", "-fno-math-errno", "-march=native"];
  execFileSync("gcc", [...flags, "main.c", "model.c", "-o", "main", "-lm"], { cwd: output });
  const tokenizer = await loadTokenizer(checkpoint!);
  const rows = sources.map((source) => tokenizer.encodeSource(source)).map((ids) => [ids.length, ...ids]);
  const input = [options.tokens, rows.length, ...rows.flat()].join(" ");
  return {
    name: `C, ${weights}${rules === undefined ? "" : ", draft rules"}`,
    bytes: (await stat(join(output, "model.bin"))).size,
    pass: () =>
      Promise.resolve(Number(execFileSync(join(output, "main"), { cwd: output, input, encoding: "utf8" }))),
  };
}

async function ofSlm(
  name: string,
  directory: string,
  how: { readonly engine: "wasm" | "onnxruntime"; readonly draftTokens?: number },
): Promise<Contender> {
  const model = await openModel(directory, { threads: 1, draftTokens: 0, ...how });
  const maxTokens = options.tokens === 0 ? undefined : options.tokens;
  const pass = async (): Promise<number> => {
    const start = process.cpuUsage();
    for (const source of sources) await model.generate(source, { maxTokens });
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000 / sources.length;
  };
  const { portable = [], graphs } = model.description;
  const graphBytes = Object.values(graphs).reduce((sum, graph) => sum + (graph?.bytes ?? 0), 0);
  const bytes = how.engine === "wasm" ? (portable[0]?.bytes ?? 0) : graphBytes;
  return { name, bytes, pass, close: () => model.close() };
}

try {
  const [float, small] = [join(folder, "float32"), join(folder, "cpu")];
  await exportModel(checkpoint, { target: "cpu", output: float, draftRules });
  await quantize(float, { scheme: "cpu", output: small });
  const contenders = [
    await ofC("float32", undefined),
    await ofC("int8", undefined),
    await ofC("int4", undefined),
    ...(draftRules === undefined ? [] : [await ofC("int8", draftRules)]),
    await ofSlm("slm, WebAssembly, int8", small, { engine: "wasm" }),
    await ofSlm("slm, ONNX Runtime, float32", float, { engine: "onnxruntime" }),
    await ofSlm("slm, ONNX Runtime, scheme cpu", small, { engine: "onnxruntime" }),
    ...(draftRules === undefined
      ? []
      : [
          await ofSlm("slm, ONNX Runtime, scheme cpu, draft rules", small, {
            engine: "onnxruntime",
            draftTokens: 12,
          }),
        ]),
  ];
  const best = new Map(contenders.map(({ name }) => [name, Infinity]));
  for (const { pass } of contenders) await pass(); // Warms up.
  for (let round = 0; round < options.rounds; round += 1)
    for (const { name, pass } of contenders) best.set(name, Math.min(best.get(name)!, await pass()));
  for (const { name, bytes } of contenders)
    process.stdout.write(`| ${name} | ${best.get(name)!.toFixed(3)} | ${bytes} |\n`);
  for (const { close } of contenders) await close?.();
} finally {
  await rm(folder, { recursive: true, force: true });
}
