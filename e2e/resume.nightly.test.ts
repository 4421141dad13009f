/** A distillation that is killed and restarted ends with the same bytes as an uninterrupted one. Needs `npm run build`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { decoderOnlyConfig, initializeWeights } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import { loadTokenizer, trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { beforeAll, expect, test } from "vitest";

const CHILD = join(import.meta.dirname, "distill-child.mjs");

const root = temporaryFolder();
beforeAll(async () => {
  await writeInputs();
});

/** Words to spell in capitals, and a teacher with random weights. */
async function writeInputs(): Promise<void> {
  const { next } = createRandom(2);
  const rows = Array.from({ length: 90 }, () => {
    const letters = Array.from(
      { length: 1 + Math.floor(next() * 5) },
      () => "abcde"[Math.floor(next() * 5)]!,
    );
    return { source: letters.join(""), target: letters.map((letter) => letter.toUpperCase()).join(" ") };
  });
  const text = (part: typeof rows): string => part.map((row) => `${JSON.stringify(row)}\n`).join("");
  for (const name of ["data", "tokenizer", "teacher"]) await mkdir(join(root, name));
  await writeFile(join(root, "data/train.jsonl"), text(rows.slice(0, 80)));
  await writeFile(join(root, "data/dev.jsonl"), text(rows.slice(80)));
  const sources = rows.map(({ source }) => source);
  const targets = rows.map(({ target }) => target);
  await writeTokenizer(
    trainSymbolTokenizer({ sources, targets, sourceLowercase: false }),
    join(root, "tokenizer"),
  );
  const { vocabularySize, tokens } = await loadTokenizer(join(root, "tokenizer"));
  const shape = { width: 8, heads: 2, kvHeads: 2, headDim: 4, feedForward: 16, decoderLayers: 1 };
  const config = decoderOnlyConfig.parse({ ...shape, maxSource: 8, maxTarget: 8, vocabularySize, tokens });
  await writeCheckpoint(join(root, "teacher"), { config, weights: initializeWeights(config, next) });
}

/** Runs the child; kills it `delay` ms after it reports `step` or a later one. Returns how it ended. */
async function distillInChild(
  work: string,
  kill?: { readonly step: number; readonly delay: number },
): Promise<string> {
  await mkdir(work, { recursive: true });
  const directories = ["data", "tokenizer", "teacher"].map((name) => join(root, name));
  const child = spawn(process.execPath, [CHILD, ...directories, work], { stdio: ["ignore", "pipe", "pipe"] });
  let problems = "";
  child.stderr.on("data", (chunk: Buffer) => (problems += chunk.toString()));
  const ended = once(child, "close");
  let isKilled = false;
  createInterface(child.stdout).on("line", (line) => {
    if (kill === undefined || isKilled || Number(line.replace("step ", "")) < kill.step) return;
    isKilled = true;
    void sleep(kill.delay).then(() => child.kill("SIGKILL"));
  });
  const [code, signal] = (await ended) as [number | null, string | null];
  if (code !== null && code !== 0) throw new Error(`the child ended with ${code}: ${problems}`);
  return signal ?? "done";
}

test("killed ten times at random moments, the weights are the uninterrupted run's, byte for byte", async () => {
  const plain = join(root, "plain");
  expect(await distillInChild(plain)).toBe("done");
  const killed = join(root, "killed");
  // Progress is reported every 20 steps; the delay spreads the kills in between.
  const moments = Array.from({ length: 10 }, (_, index) => ({
    step: 20 * (index + 1),
    delay: Math.floor(Math.random() * 120),
  }));
  for (const moment of moments) {
    expect(await distillInChild(killed, moment), JSON.stringify(moments)).toBe("SIGKILL");
    expect(await readdir(killed)).toContain("state.safetensors");
  }
  expect(await distillInChild(killed)).toBe("done");
  const weights = (directory: string): Promise<Buffer> => readFile(join(directory, "model.safetensors"));
  expect((await weights(killed)).equals(await weights(plain)), JSON.stringify(moments)).toBe(true);
  const log = async (directory: string): Promise<string> =>
    (await readFile(join(directory, "metrics.jsonl"), "utf8")).replaceAll(
      /"(tokensPerSecond|wallTime)":[^,}]+/g,
      "",
    );
  expect(await log(killed), JSON.stringify(moments)).toBe(await log(plain));
}, 300_000);
