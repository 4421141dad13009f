/**
 * Makes the manual page `slm(1)` in groff's man macros from the declarations of the commands.
 * Source: man-pages(7), groff_man(7).
 */

/** Escapes text for roff: backslashes, periods and quotes at the start of a line, and hyphens would be read as markup. */
export const roff = (/** @type {string} */ text) =>
  text
    .replaceAll("<%= config.bin %>", "slm")
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^([.'])/gm, "\\&$1")
    .replaceAll(/\s*\n\s*/g, "\n.br\n");

const bold = (/** @type {string} */ text) => `\\fB${roff(text)}\\fR`;
const italic = (/** @type {string} */ text) => `\\fI${roff(text)}\\fR`;

/**
 * The fields of oclif flags, arguments and commands that the page uses.
 *
 * @typedef {object} FlagInfo
 * @property {string | undefined} [type]
 * @property {string | undefined} [char]
 * @property {boolean | undefined} [allowNo]
 * @property {readonly string[] | undefined} [options]
 * @property {string | readonly string[] | undefined} [helpValue]
 * @property {unknown} [default]
 * @property {string | undefined} [summary]
 * @property {string | undefined} [description]
 *
 * @typedef {object} CommandInfo
 * @property {string | undefined} [summary]
 * @property {string | undefined} [description]
 * @property {Readonly<Record<string, { required?: boolean | undefined, description?: string | undefined }>> | undefined} [args]
 * @property {Readonly<Record<string, FlagInfo>> | undefined} [flags]
 * @property {readonly unknown[] | undefined} [examples]
 */

function flagName(/** @type {[string, FlagInfo]} */ [name, flag]) {
  const short = flag.char === undefined ? "" : `${bold(`-${flag.char}`)}, `;
  const long = bold(`--${flag.allowNo ? "[no-]" : ""}${name}`);
  if (flag.type === "boolean") return `${short}${long}`;
  return `${short}${long} ${italic(flag.options?.join("|") ?? [flag.helpValue ?? "<value>"].flat().join(" "))}`;
}

function flagLines(/** @type {[string, FlagInfo]} */ [name, flag]) {
  const preset = ["string", "number"].includes(typeof flag.default) ? ` Default: ${flag.default}.` : "";
  return [".TP", flagName([name, flag]), roff(`${flag.summary ?? flag.description ?? ""}${preset}`)];
}

function argName(/** @type {[string, { required?: boolean | undefined }]} */ [name, { required }]) {
  const label = name.toUpperCase();
  return required ? italic(label) : `[${italic(label)}]`;
}

function commandLines(/** @type {[string, CommandInfo]} */ [id, command]) {
  const args = Object.entries(command.args ?? {});
  const flags = Object.entries(command.flags ?? {});
  const synopsis = [bold(`slm ${id.replaceAll(":", " ")}`), ...args.map(argName)];
  return [
    `.SS ${synopsis.join(" ")}`,
    roff(command.summary ?? ""),
    ...(command.description === undefined ? [] : [".PP", roff(command.description)]),
    ...flags.flatMap(flagLines),
    ...(command.examples ?? []).flatMap((example) => [".PP", ".EX", roff(String(example)), ".EE"]),
  ];
}

/**
 * @param {object} options
 * @param {Readonly<Record<string, CommandInfo>>} options.commands classes of oclif commands, by id
 * @param {readonly { exit: number, code: string, meaning: string }[]} options.exitCodes rows of `exitCodeTable`
 * @param {Readonly<Record<string, FlagInfo>>} options.globalFlags flags that every command has
 * @param {string} options.description
 * @param {string} options.version
 * @returns the page as a text with a final newline
 */
export function manPage({ commands, exitCodes, globalFlags, description, version }) {
  return [
    `.TH SLM 1 "" "slm ${version}" "User Commands"`,
    ".SH NAME",
    `slm \\- ${roff(description)}`,
    ".SH SYNOPSIS",
    `${bold("slm")} ${italic("command")} [${italic("arguments")}] [${italic("flags")}]`,
    ".SH DESCRIPTION",
    roff(
      "Results are printed to standard output, progress to standard error. With --json every command prints one JSON object.",
    ),
    ".SH COMMANDS",
    ...Object.entries(commands).flatMap(commandLines),
    ".SH GLOBAL FLAGS",
    ...Object.entries(globalFlags).flatMap(flagLines),
    ".SH EXIT STATUS",
    ...exitCodes.flatMap(({ exit, code, meaning }) => [
      ".TP",
      bold(String(exit)),
      roff(code === "" ? meaning : `${code}: ${meaning}`),
    ]),
    ".SH ENVIRONMENT",
    ...Object.entries(ENVIRONMENT).flatMap(([name, meaning]) => [".TP", bold(name), roff(meaning)]),
    "",
  ].join("\n");
}

/** Environment variables of all commands. */
const ENVIRONMENT = {
  NO_COLOR: "Turns off colour if set to any value.",
  FORCE_COLOR: "Turns on colour if set to any value except 0, even if the output is not a terminal.",
  SLM_DEBUG: "Prints stack traces of errors if set to 1.",
  XDG_CACHE_HOME: "Parent folder of slm's cache.",
};
