/** Names from a file in messages: a file may hold one of a hundred megabytes. */

/** Characters of a external name that a message shows. */
const SHOWN = 120;

/** The text, cut where it is longer than any message needs. */
export function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}... (${text.length} characters)`;
}
