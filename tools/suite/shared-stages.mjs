/**
 * Stages that cells share: data, tokenizer, teacher and cache are made once for equal settings, and lie in cells as hard links, so they
 * take no room twice. `slm run` decides by its own keys whether they are up to date; a wrong guess here costs time, never truth.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Stages in order, and the sections of a recipe that decide what each makes. */
const SHARED = {
  data: ["data"],
  tokenizer: ["data", "tokenizer"],
  teacher: ["data", "tokenizer", "teacher"],
  cache: ["data", "tokenizer", "teacher", "cache"],
};

export const SHARED_STAGES = Object.keys(SHARED);

/** Name of a stage's artifact: equal settings have equal names. */
export function stageName(task, stage, recipe) {
  const settings = SHARED[stage].map((section) => recipe[section] ?? null);
  const hash = createHash("sha256")
    .update(JSON.stringify([recipe.seed, settings]))
    .digest("hex");
  return `${task}-${stage}-${hash.slice(0, 12)}`;
}

/** The artifacts that cells have made so far. */
export class StagePool {
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  /** Puts a stage into a cell if another one has made it. Returns what it cost [seconds], or undefined if nobody has. */
  async lend(name, stage, cell) {
    const kept = join(this.#folder, name);
    if (!existsSync(kept)) return undefined;
    if (!existsSync(join(cell, stage))) await linkTree(join(kept, stage), join(cell, stage));
    return JSON.parse(await readFile(join(kept, "cost.json"), "utf8")).seconds;
  }

  /** Keeps what a cell has made. */
  async keep(name, stage, cell, seconds) {
    const kept = join(this.#folder, name);
    const work = `${kept}.partial`;
    await rm(work, { recursive: true, force: true });
    await linkTree(join(cell, stage), join(work, stage));
    await writeFile(join(work, "cost.json"), JSON.stringify({ seconds }));
    await rename(work, kept);
  }
}

/** A folder of hard links: the same files under another name. Appears whole or not at all. */
async function linkTree(from, to) {
  const work = `${to}.linking`;
  await rm(work, { recursive: true, force: true });
  await linkFiles(from, work);
  await rename(work, to);
}

async function linkFiles(from, to) {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkFiles(source, target);
    else await link(source, target);
  }
}
