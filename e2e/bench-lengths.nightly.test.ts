/**
 * Benchmarks a model that writes ISO dates (one word, but many tokens of its byte-level BPE tokenizer) with a baseline. Every model
 * generates as many tokens as the rows' answers have. Needs `npm run build`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { loadTokenizer } from "@slm/tokenizer";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";

const bin = fileURLToPath(new URL("../apps/cli/bin/run.js", import.meta.url));

const MONTHS = ["January", "February", "March", "April", "May", "June"];
const ROWS = Array.from({ length: 26 }, (_, index) => {
  const [day, month, year] = [1 + (index % 28), index % MONTHS.length, 1990 + index];
  const two = (value: number): string => String(value).padStart(2, "0");
  return { source: `${day} ${MONTHS[month]!} ${year}`, target: `${year}-${two(month + 1)}-${two(day)}` };
});

const TEST_ROWS = ROWS.slice(18);

const shape = { width: 16, heads: 2, maxSource: 32, maxTarget: 16 };
const training = { steps: 2, batchSize: 4, warmupSteps: 1, evaluateEvery: 2, evaluateRows: 2 };
const metrics = ["exactMatch"];
const RECIPE = {
  data: { train: "train.jsonl", dev: "dev.jsonl", test: "test.jsonl" },
  tokenizer: { kind: "bpe", vocabularySize: 280 },
  teacher: { kind: "train", model: { ...shape, decoderLayers: 1 }, ...training, metrics },
  distill: { student: { ...shape, encoderLayers: 1, decoderLayers: 1 }, ...training, metrics },
  export: {},
  bench: { runs: 8 },
};

const benchSchema = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      samples: z.array(z.object({ steps: z.number(), words: z.number(), sourceTokens: z.number() })),
    }),
  ),
  notes: z.array(z.string()),
});

const root = temporaryFolder();
beforeAll(async () => {
  const jsonl = (rows: typeof ROWS): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  await writeFile(join(root, "train.jsonl"), jsonl(ROWS.slice(0, 16)));
  await writeFile(join(root, "dev.jsonl"), jsonl(ROWS.slice(16, 18)));
  await writeFile(join(root, "test.jsonl"), jsonl(TEST_ROWS));
  await writeFile(join(root, "r.yaml"), JSON.stringify(RECIPE));
});

const slm = (...argv: readonly string[]): Promise<{ readonly stdout: string }> =>
  execa(process.execPath, [bin, ...argv], { cwd: root });

test("the stage and the command measure the tokens of the rows' answers, as the tokenizer counts them", async () => {
  await slm("run", "r.yaml", "--out", "run");
  const tokenizer = await loadTokenizer(join(root, "run", "export"));
  const lengths = TEST_ROWS.map(({ target }) => tokenizer.encodeTarget(target).length + 1);
  // Each answer is one word. Counting words gave 2.
  expect(Math.min(...lengths)).toBeGreaterThan(4);
  const stage = benchSchema.parse(
    JSON.parse(await readFile(join(root, "run", "bench", "bench.json"), "utf8")),
  );
  const argv = ["--baseline", "decoder-only", "--data", "test.jsonl", "--runs", "8", "--json"];
  const { stdout } = await slm("bench", join("run", "export"), ...argv);
  const command = z.object({ result: benchSchema }).parse(JSON.parse(stdout)).result;
  for (const { models } of [stage, command]) {
    expect(models).toHaveLength(2);
    for (const { samples } of models) {
      expect(samples.map(({ steps }) => steps).sort()).toEqual([...lengths].sort());
      expect(samples.every(({ words }) => words === 1)).toBe(true);
    }
  }
}, 240_000);
