/** Shortens names from files for messages: a name in a file may have a hundred megabytes. */

/** Most characters of such a name in a message. */
const SHOWN = 120;

/** The text, truncated if it is longer. */
export function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}... (${text.length} characters)`;
}
