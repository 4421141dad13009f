/**
 * The manual page `slm(1)`, in the man macros of groff, from what the commands declare.
 * Source: man-pages(7), groff_man(7).
 */

/** Text as roff: a backslash, and a period or quote that begins a line, would be read as markup; so would a hyphen as a soft one. */
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
 * What the page says of an oclif flag, argument and command.
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
 * @returns the page as text, with a final newline
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
      "Standard output is the result, standard error is the progress. With --json every command prints one JSON object.",
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

/** Variables that every command reads. */
const ENVIRONMENT = {
  NO_COLOR: "Set to anything: no colour.",
  FORCE_COLOR: "Set to anything but 0: colour also where the output is no terminal.",
  SLM_DEBUG: "Set to 1: stack traces of errors.",
  XDG_CACHE_HOME: "Folder that holds slm's cache.",
};
