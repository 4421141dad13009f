/** Characters that no shell gives a meaning in the middle of a word. */
const PLAIN = /^[\w@%+=:,./\\~-]+$/u;

/** A path as one word of a command that is suggested to the user: quoted if it has a space or another special character. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
