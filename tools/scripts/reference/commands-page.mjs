/** The page of commands: exit codes, then every command with its arguments, flags and examples. */
import { commands } from "../../../apps/cli/dist/commands.js";
import { exitCodeTable } from "../../../apps/cli/dist/ui/exit-codes.js";
import { GENERATED, cell, code } from "./markdown.mjs";
import { table } from "../../lib/markdown.mjs";

/** @typedef {import("../lib/man-page.mjs").FlagInfo & { hidden?: boolean | undefined }} Flag */

function flagCells(/** @type {[string, Flag]} */ [name, flag]) {
  const short = flag.char === undefined ? "" : `-${flag.char}, `;
  const value =
    flag.type === "boolean"
      ? ""
      : ` ${flag.options?.join("|") ?? [flag.helpValue ?? "<value>"].flat().join(" ")}`;
  const isSaid = ["string", "number"].includes(typeof flag.default);
  const preset = isSaid ? code(flag.default) : "";
  return [
    code(`${short}--${flag.allowNo ? "[no-]" : ""}${name}${value}`),
    cell(flag.summary ?? flag.description),
    preset,
  ];
}

function commandSection(/** @type {[string, import("../lib/man-page.mjs").CommandInfo]} */ [id, command]) {
  const args = Object.entries(command.args ?? {});
  const usage = args.map(([name, { required }]) =>
    required ? name.toUpperCase() : `[${name.toUpperCase()}]`,
  );
  /** @type {[string, Flag][]} */
  const all = Object.entries(command.flags ?? {});
  const flags = all.filter(([, { hidden }]) => hidden !== true);
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
    flags.length === 0 ? "" : table(["flag", "what it does", "default"], flags.map(flagCells)),
    examples.length === 0 ? "" : ["```sh", ...examples, "```"].join("\n"),
  ];
}

export const commandsPage = () => [
  GENERATED,
  "# Commands",
  "Every command also accepts `--json` (one object on stdout), `--quiet` and `--debug`, and exits with the same code " +
    "with and without `--json`.",
  table(
    ["exit", "code", "meaning"],
    exitCodeTable().map((row) => [row.exit, row.code === "" ? "" : code(row.code), cell(row.meaning)]),
  ),
  ...Object.entries(commands)
    .sort(([a], [b]) => a.localeCompare(b, "en"))
    .flatMap(commandSection),
];
