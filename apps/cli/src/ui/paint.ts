/** Colours for a terminal. */

/** SGR codes of ECMA-48 that turn a style on and off. */
const STYLES = { bold: [1, 22], red: [31, 39], dim: [2, 22] } as const;

type Style = keyof typeof STYLES;

/** Applies styles to a text, or returns it unchanged. */
export type Paint = (text: string, ...styles: readonly Style[]) => string;

export const PLAIN: Paint = (text) => text;

const COLOURED: Paint = (text, ...styles) =>
  styles.reduce((painted, style) => {
    const [on, off] = STYLES[style];
    return `\u001b[${on}m${painted}\u001b[${off}m`;
  }, text);

/**
 * Chooses colours for a stream. A terminal gets colours, unless NO_COLOR is set to anything (no-color.org) or the terminal is dumb. If
 * FORCE_COLOR is set to anything but 0, a pipe gets colours too, for CI logs.
 */
export function paintFor(
  { isTTY }: { readonly isTTY?: boolean | undefined },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Paint {
  const { NO_COLOR = "", FORCE_COLOR = "", TERM } = environment;
  if (NO_COLOR !== "" || FORCE_COLOR === "0") return PLAIN;
  if (FORCE_COLOR !== "") return COLOURED;
  return isTTY === true && TERM !== "dumb" ? COLOURED : PLAIN;
}
