/** Logs of runs for the page of `slm report --watch`. A run that cannot be read must be one row of the page. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listPage } from "../../../../packages/slm/src/watch/list-page.ts";
import { watchedRuns } from "../../../../packages/slm/src/watch/watched-runs.ts";

export const longest = 2 ** 12;
export const words = [
  '{"step":',
  '"loss":',
  '"wallTime":',
  '"dev.exactMatch":',
  "1e999",
  "-1",
  "null",
  "\n",
  "{}",
];
export const seeds = () => [
  '{"step":20,"loss":2}\n{"step":20,"dev.exactMatch":0.5}\n',
  '{"step":1,"wallTime":1.5,"loss":1e308}\n',
];

export async function open(/** @type {string} */ folder) {
  const [sound, other] = ["sound", "other"].map((name) => join(folder, name, "distill.partial"));
  for (const directory of [sound, other]) await mkdir(String(directory), { recursive: true });
  await writeFile(join(String(sound), "metrics.jsonl"), '{"step":20,"loss":2}\n');
  return async (/** @type {Uint8Array} */ bytes) => {
    // The first byte says whether the run has ended; its manifest is then the input.
    const manifest = join(String(other), "manifest.json");
    await writeFile(join(String(other), "metrics.jsonl"), bytes);
    if (bytes[0] === 0) await writeFile(manifest, bytes.subarray(1));
    else await rm(manifest, { force: true });
    const page = await listPage(await watchedRuns([folder]));
    for (const name of ["sound", "other"])
      if (!page.includes(`>${name}<`)) throw new Error(`the page does not list the run ${name}`);
  };
}
