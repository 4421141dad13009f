/** Files for coding assistants: SKILL.md, how to use slm, and llms.txt, the list of the documentation's pages. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { commands } from "../../../apps/cli/dist/commands.js";
import { exitCodeTable } from "../../../apps/cli/dist/ui/exit-codes.js";
import { STAGES } from "../../../packages/pipeline/dist/run/stage-table.js";
import { GENERATED } from "./markdown.mjs";

const SUMMARY =
  "slm distils a large language model into a small encoder-decoder model for one task, and packages it for laptops, phones, browsers and " +
  "NPUs. It is a command line and a typed library for Node.js.";

const list = (/** @type {readonly string[]} */ items) => items.map((item) => `- ${item}`).join("\n");

const commandList = () =>
  list(
    Object.entries(commands)
      .sort(([a], [b]) => a.localeCompare(b, "en"))
      .map(([id, { summary }]) => `\`slm ${id.replaceAll(":", " ")}\`: ${summary}`),
  );

const exitCodeList = () =>
  list(
    exitCodeTable().map(
      ({ exit, code, meaning }) => `${exit}${code === "" ? "" : ` \`${code}\``}: ${meaning}`,
    ),
  );

const sectionList = () => list(STAGES.map(({ name, summary }) => `\`${name}\`: ${summary}`));

const WORKFLOW = `\`\`\`sh
npx --no-install slm data inspect rows.csv --set 'data.fields={source: text, target: label}' # counts, lengths, rejected rows
npx --no-install slm init --data rows.csv --source text --target label --name my-task --yes  # writes my-task.yaml
npx --no-install slm run my-task.yaml --dry-run   # checks everything, estimates time and memory, writes nothing
npx --no-install slm run my-task.yaml --json      # trains, exports, quantizes, benchmarks, packages
npx --no-install slm gate runs/my-task --json     # exit code 3 if quality is below the recipe's gate
npx --no-install slm generate runs/my-task/deploy --prompt "some text"
\`\`\``;

const FRONT_MATTER = `---
name: slm
description: Train a small encoder-decoder model for one task from rows or from a larger language model, check it and deploy it with the slm command line. Use it for slm's recipes (YAML), runs and models.
---`;

/** SKILL.md, with the front matter that assistants read first. */
export function skillFile() {
  return [
    FRONT_MATTER,
    GENERATED,
    "# slm",
    SUMMARY,
    "## Rules",
    list([
      "Run `npx --no-install slm`, or `npm run --silent slm --` in a clone of slm. A bare `npx slm` runs an unrelated package.",
      "Pass `--json` to read results. It prints one object on stdout: `{schemaVersion, command, result}`, with `error: {code, message, suggestions}` if it failed.",
      "Read `suggestions` of an error: they are commands that help. Do not guess flags, use `slm COMMAND --help`.",
      "Run `--dry-run` before a training. Training takes minutes to hours.",
      "A run that was interrupted (exit code 130) resumes when you repeat its command. Stages that are up to date are skipped.",
      "Do not edit files in a run directory. Change the recipe, or override a setting with `--set path=value`.",
      "Unknown settings are errors. `slm schema` prints the JSON Schema of recipes.",
    ]),
    "## From rows to a model",
    WORKFLOW,
    "## Sections of a recipe",
    "A recipe is a YAML file with one section per stage. A stage without a section does not run.",
    sectionList(),
    "## Commands",
    commandList(),
    "## Exit codes",
    exitCodeList(),
  ].join("\n\n");
}

/** llms.txt: the pages that docs/README.md lists, by the addresses of the documentation site. */
export async function llmsFile() {
  const index = await readFile(join(import.meta.dirname, "../../../docs/README.md"), "utf8");
  const pages = index.split("\n").flatMap((line) => {
    if (line.startsWith("## ")) return ["", line, ""];
    const links = [...line.matchAll(/\[([^\]]+)\]\((?!\.\.)([^)]+)\.md\)/g)];
    return line.startsWith("- ")
      ? links.map(([, title = "", path = ""]) => `- [${title}](/${path.replace(/README$/, "index")}.html)`)
      : [];
  });
  return [
    "# slm",
    "",
    `> ${SUMMARY}`,
    ...pages,
    "",
    "## Commands",
    "",
    commandList(),
    "",
    "## Exit codes",
    "",
    exitCodeList(),
  ].join("\n");
}
