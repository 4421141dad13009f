/**
 * Flips random bits in the files of a finished run, one at a time: each must be noticed by the check that every command makes of what it reads.
 *
 *   node tools/fuzz/corrupt-artifacts.mjs RUN [flips per artifact, default 1000] [seed, default 1]
 *
 * The run is copied first. Needs a build (npm run build). Exit 3 if a flip is not noticed.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireIntact, SlmError } from "@slm/core";
import { createRandom } from "../../packages/data/dist/fuzz/corrupt.js";

const [run, flips = "1000", seed = "1"] = process.argv.slice(2);
if (run === undefined) {
  console.error("usage: node tools/fuzz/corrupt-artifacts.mjs RUN [flips] [seed]");
  process.exit(2);
}
const random = createRandom(Number(seed));
const root = mkdtempSync(join(tmpdir(), "slm-corrupt-"));
let [tried, noticed] = [0, 0];
try {
  cpSync(run, root, { recursive: true });
  for (const stage of readdirSync(root).filter((name) => statSync(join(root, name)).isDirectory())) {
    const directory = join(root, stage);
    const files = readdirSync(directory, { recursive: true }).filter(
      (name) => statSync(join(directory, name)).size > 0 && statSync(join(directory, name)).isFile(),
    );
    await requireIntact(directory);
    let found = 0;
    for (let flip = 0; flip < Number(flips); flip += 1) {
      const path = join(directory, files[random(files.length)]);
      const bytes = readFileSync(path);
      const corrupt = Buffer.from(bytes);
      const at = random(bytes.length);
      corrupt[at] ^= 1 << random(8);
      writeFileSync(path, corrupt);
      const outcome = await requireIntact(directory).then(
        () => undefined,
        (error) => error,
      );
      if (outcome instanceof SlmError && outcome.code === "DATA_INVALID") found += 1;
      else console.error(`not noticed: byte ${at} of ${path}: ${outcome ?? "intact"}`);
      writeFileSync(path, bytes);
    }
    console.log(`${stage.padEnd(12)} ${files.length} files, ${flips} flips, ${found} noticed`);
    tried += Number(flips);
    noticed += found;
  }
} finally {
  rmSync(root, { recursive: true });
}
console.log(`all: ${tried} flips, ${noticed} noticed`);
process.exitCode = tried === noticed ? 0 : 3;
