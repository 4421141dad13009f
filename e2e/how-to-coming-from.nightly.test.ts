/** Runs the commands of docs/how-to/coming-from.md on a T5 and a decoder-only model with small random weights. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { expect, test } from "vitest";
import { blocksOf, ROOT } from "./how-to-page.js";
import { bin } from "./slm-process.js";

const FIXTURES = join(ROOT, "packages/extension-gguf/fixtures");
const T5 = join(FIXTURES, "t5/flan-t5/model.gguf");
const TEACHER = join(FIXTURES, "tiny-llama.gguf");
/** The page's models and their replacements. A training is only checked, and two measurements are enough. */
const REPLACED = [
  [/slm import \S+/g, `slm import ${T5} --max-target 16`],
  [/slm run \S+/g, "$& --dry-run"],
  [/slm bench .*/g, "$& --runs 2"],
] as const;

const folder = temporaryFolder();

/** Runs a line of a shell in which `slm` is the built command line. @throws if it fails */
const shell = (line: string): Promise<unknown> =>
  execa("bash", ["-ec", `slm() { ${process.execPath} ${bin} "$@"; }\n${line}`], { cwd: folder });

test("every command of the page runs, in the page's order", async () => {
  const [recipe] = await blocksOf("coming-from.md", "yaml");
  await writeFile(join(folder, "gkd.yaml"), recipe!.replaceAll("./teacher", TEACHER));
  const rows = Array.from({ length: 400 }, (_, at) => ({ source: `word ${at}`, target: `answer ${at % 7}` }));
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
  await writeFile(join(folder, "rows.jsonl"), lines.join(""));
  await writeFile(join(folder, "test.jsonl"), lines.slice(0, 4).join(""));

  const page = await readFile(join(ROOT, "docs/how-to/coming-from.md"), "utf8");
  const commands = [...page.matchAll(/^```sh\n(.*?)^```|`(slm [^`]+)`/gms)]
    .flatMap(([, block, inline]) => (block ?? inline ?? "").split("\n"))
    // A server does not end, and not every machine has jq.
    .filter((line) => line.startsWith("slm ") && !line.startsWith("slm serve"));
  expect(commands.length).toBeGreaterThan(15);
  for (const command of commands)
    await shell(REPLACED.reduce((line, [printed, value]) => line.replace(printed, value), command));
});
