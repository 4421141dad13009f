/** Shows the licence of a plug-in and asks for its acceptance. The text goes to stderr, because stdout is the result. */
import { confirm } from "@clack/prompts";
import { shellWord, SlmError } from "@slm/core/errors";
import { printable } from "@slm/pipeline/format/printable";
import type { PluginOffer } from "@slm/runtime-native/plugins";

export interface Acceptance {
  /** By --yes. */
  readonly isAccepted: boolean;
  /** Whether there is a terminal to ask on. */
  readonly isInteractive: boolean;
  /** The package, as the user named it. */
  readonly path: string;
}

/** @throws SlmError USAGE if nobody can be asked, INTERRUPTED if the answer is no */
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
      `device add: the licence of ${name} ${version} (${licence.declared ?? "see its files"}) must be accepted: ` +
        "there is no terminal to ask on, and no --yes",
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

/** The licence as a user is shown it. */
function licenceLines({ name, version, source, licence }: PluginOffer): readonly string[] {
  const { declared, covers, texts, terms } = licence;
  return [
    `${name} ${version}, from ${source.file}`,
    `licence: ${declared ?? "its metadata names none"}${covers === null ? "" : ` (${covers})`}`,
    ...(terms === null ? [] : [`terms: ${terms}`]),
    ...(texts.length === 0 ? ["it has no file with a licence"] : []),
    ...texts.flatMap(({ path, lines }) => [
      `  ${path}${lines.length === 0 ? " (read it in the package)" : ""}`,
      ...lines.map((line) => `      ${line}`),
    ]),
  ];
}
