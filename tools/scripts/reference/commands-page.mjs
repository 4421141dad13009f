/** The reference page of commands: exit codes, common flags, then all commands with arguments, flags and examples. */
import { commands } from "../../../apps/cli/dist/commands.js";
import { exitCodeTable } from "../../../apps/cli/dist/ui/exit-codes.js";
import { GENERATED, cell, code } from "./markdown.mjs";
import { table } from "../../lib/markdown.mjs";

/** @typedef {import("../lib/man-page.mjs").FlagInfo & { hidden?: boolean | undefined }} Flag */
/** @typedef {import("../lib/man-page.mjs").CommandInfo} CommandInfo */

/** Code outside of a table, where `|` needs no escape. */
const inline = (/** @type {string} */ text) => `\`${text}\``;

/** An item of a list: a name and what it means. */
const item = (/** @type {string} */ name, /** @type {unknown} */ meaning) =>
  `- ${inline(name)}: ${cell(meaning)}`;

/** A flag with its values, its meaning and its default. */
function flagItem(/** @type {[string, Flag]} */ [name, flag]) {
  const short = flag.char === undefined ? "" : `-${flag.char}, `;
  const value =
    flag.type === "boolean"
      ? ""
      : ` ${flag.options?.join("|") ?? [flag.helpValue ?? "<value>"].flat().join(" ")}`;
  const meaning = flag.summary ?? flag.description ?? "";
  const isUnsaid = ["string", "number"].includes(typeof flag.default) && !/default/i.test(meaning);
  const preset = isUnsaid ? ` Default: ${code(flag.default)}.` : "";
  const shown = `${short}--${flag.allowNo ? "[no-]" : ""}${name}${value}`;
  return { shown, text: item(shown, `${meaning}${preset}`) };
}

const flagsOf = (/** @type {CommandInfo} */ { flags = {} }) =>
  /** @type {[string, Flag][]} */ (Object.entries(flags))
    .filter(([, { hidden }]) => hidden !== true)
    .map(flagItem);

/** A flag of at least this many commands is explained once for all. */
const COMMON = 3;
const all = Object.values(commands)
  .flatMap(flagsOf)
  .map(({ text }) => text);
const isCommon = (/** @type {{ text: string }} */ { text }) =>
  all.filter((other) => other === text).length >= COMMON;
const common = [...new Set(all.filter((text) => isCommon({ text })))];

function commandSection(/** @type {[string, CommandInfo]} */ [id, command]) {
  const args = Object.entries(command.args ?? {});
  const usage = args.map(([name, { required }]) =>
    required ? name.toUpperCase() : `[${name.toUpperCase()}]`,
  );
  const flags = flagsOf(command);
  const shared = flags.filter(isCommon).map(({ shown }) => inline(shown));
  const own = flags.filter((flag) => !isCommon(flag)).map(({ text }) => text);
  const examples = (command.examples ?? []).map((line) =>
    String(line).replaceAll("<%= config.bin %>", "slm"),
  );
  return [
    `## slm ${id.replaceAll(":", " ")}`,
    command.summary,
    command.description ?? "",
    inline(["slm", ...id.split(":"), ...usage].join(" ")),
    [...args.map(([name, { description }]) => item(name.toUpperCase(), description)), ...own].join("\n"),
    shared.length === 0 ? "" : `[Common flags](#common-flags): ${shared.join(", ")}.`,
    examples.length === 0 ? "" : ["```sh", ...examples, "```"].join("\n"),
  ];
}

export const commandsPage = () => [
  GENERATED,
  "# Commands",
  "Every command also accepts `--json` (prints one object to stdout), `--quiet` and `--debug`. The exit code is the same " +
    "with and without `--json`.",
  table(
    ["exit", "code", "meaning"],
    exitCodeTable().map((row) => [row.exit, row.code === "" ? "" : code(row.code), cell(row.meaning)]),
  ),
  "## Common flags",
  common.join("\n"),
  ...Object.entries(commands)
    .sort(([a], [b]) => a.localeCompare(b, "en"))
    .flatMap(commandSection),
];
