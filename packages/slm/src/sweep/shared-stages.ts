/**
 * Shares stages between variants of a recipe. With equal settings, data, tokenizer, teacher and cache run once, and are hard-linked into
 * the other variants' runs. A run checks by its own keys whether a linked stage is up to date, so a wrong guess here only costs time.
 */
import { movePath, removePath, hashJson, makeFolder } from "@slm/core";
import { existsSync } from "node:fs";
import { copyFile, link, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PipelineOptions } from "@slm/pipeline/run/pipeline-options";

/** Stages before the student's training, in order. */
const SHARED = ["data", "tokenizer", "teacher", "cache"];

/** The shared stages of the runs so far. */
export class StagePool {
  /** Directory of a finished stage, by the hash of the settings that it depends on. */
  readonly #made = new Map<string, string>();

  /** Links every stage that another run has finished into this run, unless this run already has it. */
  async lend(run: PipelineOptions): Promise<void> {
    for (const [stage, hash] of stagesOf(run)) {
      const made = this.#made.get(hash);
      const target = join(run.out, stage);
      if (made !== undefined && !existsSync(target)) await linkFolder(made, target);
    }
  }

  /** Offers the stages of a finished run to later runs. */
  keep(run: PipelineOptions): void {
    for (const [stage, hash] of stagesOf(run)) {
      const directory = join(run.out, stage);
      if (!this.#made.has(hash) && existsSync(directory)) this.#made.set(hash, directory);
    }
  }
}

/** A recipe's shared stages, each with the hash of its own settings and the settings of the stages before it. */
function stagesOf({ recipe }: PipelineOptions): readonly (readonly [stage: string, hash: string])[] {
  const settings: unknown[] = [recipe.seed];
  return SHARED.flatMap((stage) => {
    const section = recipe.sections[stage];
    settings.push(section?.settings ?? null);
    return section === undefined ? [] : [[stage, hashJson(settings)] as const];
  });
}

/** Links a folder's files into another folder, atomically. */
async function linkFolder(from: string, to: string): Promise<void> {
  const work = `${to}.linking`;
  await removePath(work);
  await linkFiles(from, work);
  await movePath(work, to);
}

async function linkFiles(from: string, to: string): Promise<void> {
  await makeFolder(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkFiles(source, target);
    // Some file systems do not support hard links.
    else await link(source, target).catch(() => copyFile(source, target));
  }
}
