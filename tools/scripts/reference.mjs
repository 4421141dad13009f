/**
 * Writes docs/reference from what the program itself declares: commands with their flags, recipe sections with every
 * setting, exit codes, metrics, the tables of devices and plug-ins, the recipe's JSON schema;
 * and SKILL.md and docs/public/llms.txt for coding assistants. With --check it writes nothing and ends with 1 if a page is not what it would write.
 *
 *   npm run build && node tools/scripts/reference.mjs [--check]
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { recipeJsonSchema } from "../../packages/pipeline/dist/run/json-schema.js";
import { jsonText } from "../../packages/pipeline/dist/format/json-text.js";
import { llmsFile, skillFile } from "./reference/assistants-pages.mjs";
import { commandsPage } from "./reference/commands-page.mjs";
import { devicesPage } from "./reference/devices-page.mjs";
import { pluginsPage } from "./reference/plug-ins-page.mjs";
import { recipePages } from "./reference/recipe-page.mjs";

const root = join(import.meta.dirname, "../..");
const directory = "docs/reference";

const pages = {
  "commands.md": commandsPage(),
  ...(await recipePages()),
  "devices.md": devicesPage(),
  "plug-ins.md": pluginsPage(),
};
const isCheck = process.argv.includes("--check");
for (const folder of [`${directory}/recipe`, "docs/public"])
  await mkdir(join(root, folder), { recursive: true });
/** Without padding in tables: nobody edits these pages, and padding made the page of recipes seven times as large. */
/** @type {(page: [name: string, blocks: readonly (string | undefined)[]]) => [name: string, text: string]} */
const markdown = ([name, blocks]) => [
  `${directory}/${name}`,
  `${blocks.filter((block) => block !== "" && block !== undefined).join("\n\n")}\n`,
];
/** @type {[name: string, text: string][]} */
const files = [
  ...Object.entries(pages).map(markdown),
  ["SKILL.md", `${await skillFile()}\n`],
  ["docs/public/llms.txt", `${await llmsFile()}\n`],
  [`${directory}/recipe.schema.json`, `${jsonText(await recipeJsonSchema())}\n`], // As `slm schema` prints it.
];
for (const [name, text] of files) {
  const path = join(root, name);
  if (!isCheck) await writeFile(path, text);
  else if ((await readFile(path, "utf8").catch(() => "")) !== text) {
    process.stderr.write(`${name} is not what the program declares; run: npm run reference\n`);
    process.exitCode = 1;
  }
}
