/** Characters that no shell gives a meaning in the middle of a word. */
const PLAIN = /^[\w@%+=:,./\\~-]+$/u;

/** A page has no process. */
const PLATFORM = typeof process === "undefined" ? "linux" : process.platform;

/**
 * A path as one word of a command that is suggested to the user: quoted if it has a space or another special character. On Windows both
 * cmd and PowerShell read double quotes, and a path cannot contain one.
 */
export function shellWord(text: string, platform: NodeJS.Platform = PLATFORM): string {
  if (PLAIN.test(text)) return text;
  return platform === "win32" ? `"${text}"` : `'${text.replaceAll("'", `'\\''`)}'`;
}
