/**
 * Text that a terminal shows and does not obey. Names of files, messages of servers and answers of models may hold escape sequences that
 * move the cursor, set the title or paste, and marks that turn the direction of what is read.
 */

/** Control characters except tab and line feed. */
const CONTROLS = /[\0-\u0008\u000b-\u001f\u007f-\u009f]/gu;

/** These, and what changes the direction of the text around it or is not seen. */
const CONTROLS_AND_MARKS =
  /[\0-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu;

/** What JSON leaves as it is inside texts. */
const NOT_IN_JSON = /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu;

const escaped = (character: string): string =>
  String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A line about names and values, with escapes in place of what is not to be printed. */
export function printable(text: string): string {
  return text.replaceAll(CONTROLS_AND_MARKS, escaped);
}

/** A text of a model, whose marks of direction belong to its language. */
export function printableAnswer(text: string): string {
  return text.replaceAll(CONTROLS, escaped);
}

/** The answer as it is printed: programs that read it through a pipe get every character. */
export function answerFor({ isTTY }: { readonly isTTY?: boolean | undefined }): (text: string) => string {
  return isTTY === true ? printableAnswer : (text) => text;
}

/** JSON with escapes in its texts; it means the same. */
export function printableJson(json: string): string {
  return json.replaceAll(NOT_IN_JSON, escaped);
}
