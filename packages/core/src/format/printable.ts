/**
 * Makes text safe for a terminal. File names, server messages and model answers can contain escape sequences that move the cursor, set the
 * title or paste, and marks that change the direction of text.
 */

/** Control characters except tab and line feed. */
const CONTROLS = /[\0-\u0008\u000b-\u001f\u007f-\u009f]/gu;

/** Control characters, and characters that change the text direction or are invisible. */
const CONTROLS_AND_MARKS =
  /[\0-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu;

/** Characters that JSON does not escape in strings. */
const NOT_IN_JSON = /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu;

const escaped = (character: string): string =>
  String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A line of names and values, with unsafe characters escaped. */
export function printable(text: string): string {
  return text.replaceAll(CONTROLS_AND_MARKS, escaped);
}

/** A text of a model. Direction marks are kept, because some languages need them. */
export function printableAnswer(text: string): string {
  return text.replaceAll(CONTROLS, escaped);
}

/** An answer to print. If the output is a pipe, the program that reads it gets every character. */
export function answerFor({ isTTY }: { readonly isTTY?: boolean | undefined }): (text: string) => string {
  return isTTY === true ? printableAnswer : (text) => text;
}

/** JSON with the unsafe characters of its strings escaped; its value does not change. */
export function printableJson(json: string): string {
  return json.replaceAll(NOT_IN_JSON, escaped);
}
