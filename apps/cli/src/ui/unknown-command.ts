/** Explains words that oclif cannot find a command for. */
import { SlmError } from "@slm/core/errors";
import { nearest } from "@slm/core/edit-distance";

/** Tries `data inspct file`, then `data inspct`, then `data`, because trailing words may be arguments. */
function prefixesOf(words: string): readonly string[] {
  const parts = words.split(" ");
  return parts.map((_part, index) => parts.slice(0, parts.length - index).join(" "));
}

/**
 * The error for words that name no command, or a command that takes no argument.
 *
 * @param words what was typed after `slm`, up to the first flag
 * @param ids of all commands, with colons between words
 */
export function unknownCommand(words: string, ids: readonly string[]): SlmError {
  const known = ids.map((id) => id.replaceAll(":", " "));
  const called = prefixesOf(words).find((prefix) => known.includes(prefix));
  if (called !== undefined) {
    const extra = words.slice(called.length + 1);
    return new SlmError("USAGE", `slm ${called} takes no argument, got '${extra}'`, {
      context: { command: called, arguments: extra },
      suggestions: [`slm ${called} --help`],
    });
  }
  const guess = prefixesOf(words).flatMap((prefix) => nearest(prefix, known) ?? [])[0];
  return new SlmError("USAGE", `no such command: slm ${words}`, {
    context: { command: words },
    suggestions: [...(guess === undefined ? [] : [`slm ${guess} --help`]), "slm --help"],
  });
}
