/** The reference page of commands: exit codes, common flags, then all commands with arguments, flags and examples. */
import { commands } from "../../../apps/cli/dist/commands.js";
import { exitCodeTable } from "../../../apps/cli/dist/ui/exit-codes.js";
import { GENERATED, cell, code } from "./markdown.mjs";
import { table } from "../../lib/markdown.mjs";

/** @typedef {import("../lib/man-page.mjs").FlagInfo & { hidden?: boolean | undefined }} Flag */
/** @typedef {import("../lib/man-page.mjs").CommandInfo} CommandInfo */

function flagCells(/** @type {[string, Flag]} */ [name, flag]) {
  const short = flag.char === undefined ? "" : `-${flag.char}, `;
  const value =
    flag.type === "boolean"
      ? ""
      : ` ${flag.options?.join("|") ?? [flag.helpValue ?? "<value>"].flat().join(" ")}`;
  const meaning = cell(flag.summary ?? flag.description);
  const isUnsaid = ["string", "number"].includes(typeof flag.default) && !/default/i.test(meaning);
  const preset = isUnsaid ? ` Default: ${code(flag.default)}.` : "";
  return [code(`${short}--${flag.allowNo ? "[no-]" : ""}${name}${value}`), `${meaning}${preset}`];
}

const flagRows = (/** @type {CommandInfo} */ { flags = {} }) =>
  /** @type {[string, Flag][]} */ (Object.entries(flags))
    .filter(([, { hidden }]) => hidden !== true)
    .map(flagCells);

/** A flag of at least this many commands is explained once for all. */
const COMMON = 3;
const rows = Object.values(commands).flatMap(flagRows);
const count = (/** @type {readonly string[]} */ row) =>
  rows.filter((other) => `${other}` === `${row}`).length;
const isCommon = (/** @type {readonly string[]} */ row) => count(row) >= COMMON;
const commonRows = [...new Map(rows.filter(isCommon).map((row) => [`${row}`, row])).values()];

/** The flags of a command: those of its own with their meaning, and the names of common ones. */
function flagParts(/** @type {CommandInfo} */ command) {
  const all = flagRows(command);
  const own = all.filter((row) => !isCommon(row));
  const common = all.filter(isCommon).map(([name]) => name);
  return [
    own.length === 0 ? "" : table(["flag", "what it does"], own),
    common.length === 0 ? "" : `[Common flags](#common-flags): ${common.join(", ")}.`,
  ];
}

function commandSection(/** @type {[string, CommandInfo]} */ [id, command]) {
  const args = Object.entries(command.args ?? {});
  const usage = args.map(([name, { required }]) =>
    required ? name.toUpperCase() : `[${name.toUpperCase()}]`,
  );
  const examples = (command.examples ?? []).map((line) =>
    String(line).replaceAll("<%= config.bin %>", "slm"),
  );
  return [
    `## slm ${id.replaceAll(":", " ")}`,
    command.summary,
    command.description ?? "",
    code(["slm", ...id.split(":"), ...usage].join(" ")),
    args.length === 0
      ? ""
      : table(
          ["argument", "what it is"],
          args.map(([name, arg]) => [code(name.toUpperCase()), cell(arg.description)]),
        ),
    ...flagParts(command),
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
  table(["flag", "what it does"], commonRows),
  ...Object.entries(commands)
    .sort(([a], [b]) => a.localeCompare(b, "en"))
    .flatMap(commandSection),
];
