/** Checks that charts have only the elements and attributes of an allow-list. */
import { SlmError } from "@slm/core";

const ELEMENTS: ReadonlySet<string> = new Set(
  "svg g path rect line circle text tspan title desc defs clipPath".split(" "),
);

const ATTRIBUTES: ReadonlySet<string> = new Set(
  (
    "xmlns xmlns:xlink version class width height viewBox transform d x y x1 y1 x2 y2 r cx cy dx dy " +
    "fill stroke opacity fill-opacity stroke-opacity stroke-width stroke-dasharray stroke-linecap " +
    "stroke-linejoin stroke-miterlimit font-family font-size font-weight font-style text-anchor " +
    "clip-path display id role aria-label aria-hidden aria-roledescription pointer-events"
  ).split(" "),
);

const ATTRIBUTE = /\s+([A-Za-z_][\w:.-]*)\s*=\s*"([^"<>]*)"/y;
const TAG = /<(\/?)([A-Za-z][\w:.-]*)((?:\s+[A-Za-z_][\w:.-]*\s*=\s*"[^"<>]*")*)\s*(\/?)>/y;
/** A reference to something outside of the SVG; a reference inside it (`url(#clip0)`) is allowed. */
const OUTSIDE_REFERENCE = /url\(\s*(?!#)|javascript:/i;

/**
 * Returns the SVG if it contains only shapes and text: no script, no style, no event handler, no link, no image,
 * no external reference, and every element closed in order.
 *
 * @throws SlmError DATA_INVALID naming the first thing that is not allowed.
 */
export function checkSvg(svg: string): string {
  const open: string[] = [];
  let position = 0;
  while (position < svg.length) {
    if (svg[position] !== "<") {
      const next = svg.indexOf("<", position);
      const end = next === -1 ? svg.length : next;
      if (open.length === 0 && svg.slice(position, end).trim() !== "") throw rejection("text outside <svg>");
      position = end;
      continue;
    }
    TAG.lastIndex = position;
    const match = TAG.exec(svg);
    if (match === null) throw rejection(`malformed markup at offset ${position}`);
    const [whole, closing = "", name = "", attributes = "", selfClosing = ""] = match;
    if (!ELEMENTS.has(name)) throw rejection(`element <${name}>`);
    if (closing === "/") {
      if (open.pop() !== name || attributes !== "" || selfClosing !== "")
        throw rejection(`a stray </${name}>`);
    } else {
      if (open.length === 0 && (name !== "svg" || position !== 0)) throw rejection("more than one <svg>");
      checkAttributes(attributes);
      if (selfClosing === "") open.push(name);
    }
    position += whole.length;
  }
  if (open.length > 0) throw rejection(`<${open.join("><")}> left open`);
  if (!svg.startsWith("<svg")) throw rejection("no <svg>");
  return svg;
}

function checkAttributes(attributes: string): void {
  ATTRIBUTE.lastIndex = 0;
  for (let match = ATTRIBUTE.exec(attributes); match !== null; match = ATTRIBUTE.exec(attributes)) {
    const [, name = "", value = ""] = match;
    if (!ATTRIBUTES.has(name)) throw rejection(`attribute ${name}`);
    if (OUTSIDE_REFERENCE.test(value)) throw rejection(`an external reference in ${name}`);
  }
}

function rejection(found: string): SlmError {
  return new SlmError("DATA_INVALID", `report: an SVG chart may contain only shapes and text, got ${found}`);
}
