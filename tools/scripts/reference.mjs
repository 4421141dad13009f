/**
 * Generates docs/reference from the program: commands with their flags, all settings of recipe sections, exit codes, metrics, the tables of
 * devices and plug-ins, and the recipe's JSON schema. Also generates SKILL.md and docs/public/llms.txt for coding assistants. With --check it
 * writes nothing, and exits with code 1 if a file is out of date.
 *
 *   npm run build && node tools/scripts/reference.mjs [--check]
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { recipeJsonSchema } from "../../packages/pipeline/dist/run/json-schema.js";
import { jsonText } from "../../packages/core/dist/format/index.js";
import { llmsFile, skillFile } from "./reference/assistants-pages.mjs";
import { commandsPage } from "./reference/commands-page.mjs";
import { devicesPage } from "./reference/devices-page.mjs";
import { pluginsPage } from "./reference/plug-ins-page.mjs";
import { recipePages } from "./reference/recipe-page.mjs";

const root = join(import.meta.dirname, "../..");
const directory = "docs/reference";

const pages = {
  "commands.md": commandsPage(),
  ...recipePages(),
  "devices.md": devicesPage(),
  "plug-ins.md": pluginsPage(),
};
const isCheck = process.argv.includes("--check");
for (const folder of [`${directory}/recipe`, "docs/public"])
  await mkdir(join(root, folder), { recursive: true });
/** Tables have no padding, because these pages are not edited and padding makes the page of recipes seven times as large. */
/** @type {(page: [name: string, blocks: readonly (string | undefined)[]]) => [name: string, text: string]} */
const markdown = ([name, blocks]) => [
  `${directory}/${name}`,
  `${blocks.filter((block) => block !== "" && block !== undefined).join("\n\n")}\n`,
];
/** @type {[name: string, text: string][]} */
const files = [
  ...Object.entries(pages).map(markdown),
  ["SKILL.md", `${skillFile()}\n`],
  ["docs/public/llms.txt", `${await llmsFile()}\n`],
  [`${directory}/recipe.schema.json`, `${jsonText(recipeJsonSchema())}\n`], // As `slm schema` prints it.
];
for (const [name, text] of files) {
  const path = join(root, name);
  if (!isCheck) await writeFile(path, text);
  else if ((await readFile(path, "utf8").catch(() => "")) !== text) {
    process.stderr.write(`${name} is out of date; run: npm run reference\n`);
    process.exitCode = 1;
  }
}
