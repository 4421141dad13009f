/** Shows the licence of a plug-in and asks the user to accept it. The text goes to stderr, because stdout is the result. */
import { confirm } from "@clack/prompts";
import { shellWord, SlmError } from "@slm/core/errors";
import { printable } from "@slm/core/format";
import type { PluginOffer } from "@slm/runtime-native/plugins";

export interface Acceptance {
  /** Whether --yes was given. */
  readonly isAccepted: boolean;
  /** Whether there is a terminal to ask on. */
  readonly isInteractive: boolean;
  /** The package, as the user named it. */
  readonly path: string;
}

/** @throws SlmError USAGE without a terminal, INTERRUPTED if the user declines */
export async function acceptLicence(offer: PluginOffer, acceptance: Acceptance): Promise<void> {
  const { name, version, licence } = offer;
  const { isAccepted, isInteractive, path } = acceptance;
  process.stderr.write(
    licenceLines(offer)
      .map((line) => `${printable(line)}\n`)
      .join(""),
  );
  if (isAccepted) return;
  if (!isInteractive) {
    throw new SlmError(
      "USAGE",
      `device add: you must accept the licence of ${name} ${version} (${licence.declared ?? "see its files"}): ` +
        "without a terminal, pass --yes",
      { context: { licence }, suggestions: [`slm device add ${shellWord(path)} --yes`] },
    );
  }
  const answer = await confirm({
    message: printable(`Do you accept the licence of ${name} ${version}?`),
    initialValue: false,
    output: process.stderr,
  });
  if (answer !== true) throw new SlmError("INTERRUPTED", "device add: not accepted; nothing was added");
}

/** The text of the licence. */
function licenceLines({ name, version, source, licence }: PluginOffer): readonly string[] {
  const { declared, covers, texts, terms } = licence;
  return [
    `${name} ${version}, from ${source.file}`,
    `licence: ${declared ?? "not stated in its metadata"}${covers === null ? "" : ` (${covers})`}`,
    ...(terms === null ? [] : [`terms: ${terms}`]),
    ...(texts.length === 0 ? ["the package has no licence file"] : []),
    ...texts.flatMap(({ path, lines }) => [
      `  ${path}${lines.length === 0 ? " (open it in the package)" : ""}`,
      ...lines.map((line) => `      ${line}`),
    ]),
  ];
}
