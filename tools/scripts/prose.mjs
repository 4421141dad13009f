/** Finds the text in a file that people read: documentation, comments, and string literals that are sentences. */

const CODE_TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|(?<=[(,=:[!&|?{};]\s*|return )\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/g;
/** A string literal with fewer words is an identifier, a key or data. */
const SENTENCE_WORDS = 4;

const blank = (/** @type {string} */ text, fill = " ") => text.replaceAll(/[^\n]/g, fill);

/** Markdown without code blocks, front matter, comments and link targets. Inline code becomes underscores. Offsets stay the same. */
export function markdownProse(/** @type {string} */ text) {
  return text
    .replaceAll(/^---\n[\s\S]*?\n---\n/g, (part) => blank(part))
    .replaceAll(/^([ \t>]*)(`{3,}|~{3,})[\s\S]*?^[ \t>]*\2[ \t]*$/gm, (part) => blank(part))
    .replaceAll(/<!--[\s\S]*?-->/g, (part) => blank(part))
    .replaceAll(/(`+)[^`][\s\S]*?\1/g, (part) => blank(part, "_"))
    .replaceAll(/(?<=\])\([^)\n]*\)/g, (part) => blank(part, "_"));
}

/** Comments of a script, and its string literals unless `onlyComments`, with everything else blank. Offsets stay the same. */
export function scriptProse(/** @type {string} */ text, onlyComments = false) {
  let prose = "";
  let end = 0;
  for (const match of text.matchAll(CODE_TOKEN)) {
    prose += blank(text.slice(end, match.index)) + readable(match[0], onlyComments);
    end = match.index + match[0].length;
  }
  return prose + blank(text.slice(end));
}

function readable(/** @type {string} */ token, /** @type {boolean} */ onlyComments) {
  if (token.startsWith("//") || token.startsWith("/*"))
    return token
      .replaceAll(/^[ \t]*(?:\/\*\*?|\/\/\/?|\*(?!\/))|\*\/$/gm, (mark) => blank(mark))
      .replaceAll(/`[^`\n]*`/g, (code) => blank(code, "_"));
  const isSentence = !token.startsWith("/") && token.trim().split(/\s+/).length >= SENTENCE_WORDS;
  return onlyComments || !isSentence
    ? blank(token)
    : token.replaceAll(/\$\{[^}]*\}/g, (part) => blank(part, "_"));
}

/** Comments of a YAML file. */
export function yamlProse(/** @type {string} */ text) {
  return text.replaceAll(
    /^(.*?)((?<=^\s*|\s)#.*)?$/gm,
    (_line, code, comment) => blank(code) + (comment ?? "").replace("#", " "),
  );
}

/** Sentences of Markdown prose with more words than `most`, each with its line from 1. Tables, headings and code are left out. */
export function longSentences(/** @type {string} */ prose, /** @type {number} */ most) {
  const found = [];
  for (const block of prose.matchAll(/(?:^(?![ \t]*(?:[|#]|$)).*\n?)+/gm)) {
    let start = block.index;
    for (const sentence of block[0].split(/((?<=[.!?:][)"*]*)\s+|\n(?=\s*(?:[-*]|\d+\.) ))/)) {
      const words = sentence.split(/\s+/).filter((word) => /\w/.test(word)).length;
      if (words > most) found.push({ line: lineAt(prose, start), words, text: sentence });
      start += sentence.length;
    }
  }
  return found;
}

/** Cells of Markdown tables with more characters than `most`; a link counts by its text. */
export function longCells(/** @type {string} */ text, /** @type {number} */ most) {
  return text.split("\n").flatMap((line, index) =>
    /^\s*\|/.test(line) && !/^[\s|:-]+$/.test(line)
      ? line
          .split(/(?<!\\)\|/)
          .map((cell) => cell.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").trim())
          .filter((cell) => cell.length > most)
          .map((cell) => ({ line: index + 1, length: cell.length, text: cell }))
      : [],
  );
}

export const lineAt = (/** @type {string} */ text, /** @type {number} */ offset) =>
  text.slice(0, offset).split("\n").length;
