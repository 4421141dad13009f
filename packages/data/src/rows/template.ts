/** Parses prompt templates: text with column names in braces. */

/** `{name}` is a column; `{{name}}` is the text `{name}`. Braces around quotes, as in JSON, are text. */
const PLACE = /\{\{([^{}"\n]+)\}\}|\{([^{}"\n]+)\}/g;

/** A parsed template: texts and columns. */
export type TemplatePart = { readonly text: string } | { readonly column: string };

/**
 * Parses a template.
 *
 * @example parseTemplate("translate: {text}") // [{ text: "translate: " }, { column: "text" }]
 */
export function parseTemplate(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let start = 0;
  for (const match of template.matchAll(PLACE)) {
    const [whole, literal, column] = match;
    parts.push({ text: template.slice(start, match.index) });
    parts.push(column === undefined ? { text: `{${literal ?? ""}}` } : { column });
    start = match.index + whole.length;
  }
  parts.push({ text: template.slice(start) });
  return parts.filter((part) => "column" in part || part.text !== "");
}
