/**
 * Runs many corrupt models through the reader, shape inference and every profile. Each must be analysed or rejected, in bounded time and
 * memory. `SLM_FUZZ_FILES` sets their number.
 */
import { readdir, readFile } from "node:fs/promises";
import { analyzeModel } from "@slm/analysis";
import { ALL_DEVICES } from "@slm/devices";
import { SlmError } from "@slm/core";
import { decodeModel, decodeOutline, encodeModel } from "@slm/onnx";
import { expect, test } from "vitest";
import { createMutator } from "../packages/analysis/src/mutate.test-support.js";

const FILES = Number(process.env.SLM_FUZZ_FILES ?? 10_000);

/** Time limit for a corrupt file of 20 kB [ms]. A valid one takes a few. */
const MAX_MS = 10_000;

/** Limit of memory growth while small files are analysed [bytes]. Most of it is garbage not yet collected. */
const MAX_GROWTH_BYTES = 512 * 2 ** 20;

const folder = new URL("../packages/analysis/fixtures/", import.meta.url);

test(`${FILES} corrupt models are analysed or rejected`, { timeout: 600_000 }, async () => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".onnx"));
  const originals = await Promise.all(
    names.map(async (name) => new Uint8Array(await readFile(new URL(name, folder)))),
  );
  const { next } = createMutator(20_251);
  const outcomes = { analysed: 0, rejected: 0, rewritten: 0 };
  let slowestMs = 0;
  const before = process.memoryUsage.rss();
  for (let count = 0; count < FILES; count += 1) {
    const bytes = next(originals[count % originals.length]!);
    const { target, profile } = ALL_DEVICES[count % ALL_DEVICES.length]!;
    const start = performance.now();
    try {
      const outline = decodeOutline(bytes);
      analyzeModel(outline, { target, profile });
      outcomes.analysed += 1;
      encodeModel(decodeModel(bytes));
      outcomes.rewritten += 1;
    } catch (error) {
      if (!(error instanceof SlmError)) throw error;
      expect(error.message.length).toBeLessThan(2000);
      outcomes.rejected += 1;
    }
    slowestMs = Math.max(slowestMs, performance.now() - start);
  }
  expect(slowestMs).toBeLessThan(MAX_MS);
  expect(process.memoryUsage.rss() - before).toBeLessThan(MAX_GROWTH_BYTES);
  expect(outcomes.analysed).toBeGreaterThan(FILES / 20);
  expect(outcomes.rejected).toBeGreaterThan(FILES / 20);
  process.stdout.write(`${JSON.stringify({ ...outcomes, slowestMs: Math.round(slowestMs) })}\n`);
});
