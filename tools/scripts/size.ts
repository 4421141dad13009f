/**
 * Counts lines of source and of tests by package, and the difference to the last release; and the settings of a recipe.
 *
 *   npm run size                  prints the table
 *   npm run size -- --markdown    prints it as Markdown
 *   npm run size -- --write       records the current lines as those of the release (tools/scripts/size.json)
 *
 * Counts .ts, .mjs, .js, .py and .sh files that are tracked by git or new. Fixtures, fuzz seeds and generated files do not count. Test
 * helpers (`testing/`, `*.test-support.ts`) count as tests.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { recipeSettings, unusedSettings } from "./recipe-settings.mjs";

type Lines = Record<string, { source: number; tests: number }>;

const root = join(import.meta.dirname, "..", "..");
const RECORD = join(import.meta.dirname, "size.json");
const CODE = /\.(ts|mjs|js|cjs|py|sh)$/;
const TEST = /\.test\.(ts|mjs)$|\.test-support\.ts$|\/(testing|test-support)\//;
const LEFT_OUT = /\/(fixtures|seeds)\//;

const { values } = parseArgs({
  options: { markdown: { type: "boolean", default: false }, write: { type: "boolean", default: false } },
});

/** The package of a file: `packages/NAME`, `apps/NAME`, or the top-level folder. */
function packageOf(file: string): string {
  const parts = file.split("/");
  return parts[0] === "packages" || parts[0] === "apps" ? parts.slice(0, 2).join("/") : parts[0]!;
}

function countLines(): Lines {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const lines: Lines = {};
  for (const file of listed.split("\n")) {
    const isCounted = CODE.test(file) && file.includes("/") && !LEFT_OUT.test(file);
    if (!isCounted || !existsSync(join(root, file))) continue;
    const count = readFileSync(join(root, file), "utf8").split("\n").length - 1;
    const entry = (lines[packageOf(file)] ??= { source: 0, tests: 0 });
    // Everything in e2e is a test or a test helper.
    if (TEST.test(file) || file.startsWith("e2e/")) entry.tests += count;
    else entry.source += count;
  }
  return lines;
}

const now = countLines();
if (values.write) writeFileSync(RECORD, `${JSON.stringify(now, undefined, 2)}\n`);
const before = existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, "utf8")) as Lines) : {};

const NONE = { source: 0, tests: 0 };
const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
const rows = names.map((name) => ({ name, now: now[name] ?? NONE, before: before[name] ?? NONE }));
const total = (pick: (row: (typeof rows)[number]) => number): number =>
  rows.reduce((sum, row) => sum + pick(row), 0);
rows.push({
  name: "all",
  now: { source: total((row) => row.now.source), tests: total((row) => row.now.tests) },
  before: { source: total((row) => row.before.source), tests: total((row) => row.before.tests) },
});

const signed = (value: number): string => (value > 0 ? `+${value}` : String(value));
const cells = rows.map((row) => [
  row.name,
  String(row.now.source),
  signed(row.now.source - row.before.source),
  String(row.now.tests),
  signed(row.now.tests - row.before.tests),
]);
const HEADINGS = ["package", "source", "change", "tests", "change"];
const table = values.markdown
  ? [HEADINGS, ["---", "---:", "---:", "---:", "---:"], ...cells].map((line) => `| ${line.join(" | ")} |`)
  : [HEADINGS, ...cells].map(
      ([name, ...numbers]) => name!.padEnd(26) + numbers.map((text) => text.padStart(9)).join(""),
    );
const settings = `recipe: ${recipeSettings().length} settings, ${unusedSettings().length} set by no recipe in configs`;
process.stdout.write(`${table.join("\n")}\n\n${settings}\n`);
