/** Shortens names from files for messages. A name in a file can have a hundred megabytes. */

/** Maximum number of characters of a name in a message. */
const SHOWN = 120;

/** Returns the text, truncated if it is longer. */
export function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}... (${text.length} characters)`;
}
