/**
 * Trains the students that ship with slm and replaces their bundles in packages/slm/students. Needs a build.
 *
 *   node tools/models/students.mjs [g2p|dates ...]      Default: both
 *
 * Finished stages of an earlier call are kept in runs/students.
 */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { studentNamed, STUDENT_NAMES } from "../../packages/slm/dist/students/students.js";
import { sourceFolder } from "../data/fetch.mjs";
import { run } from "../lib/user-cache.mjs";

const root = join(import.meta.dirname, "..", "..");
const asked = process.argv.slice(2);
const names = asked.length === 0 ? STUDENT_NAMES : asked;

for (const name of names) {
  const { recipe, directory } = studentNamed(name);
  if (name === "dates") sourceFolder("cldr");
  const out = join("runs", "students", name);
  run(process.execPath, ["apps/cli/bin/run.js", "run", recipe, "--out", out], { cwd: root });
  await rm(directory, { recursive: true, force: true });
  await cp(join(root, out, "deploy"), directory, { recursive: true });
}
