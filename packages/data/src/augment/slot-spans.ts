/** Finds slot values: values of a JSON target that occur verbatim in the source and can be replaced. */
import type { Row } from "../rows/row.js";

/** A slot value, and its positions in source and target. */
export interface SlotSpan {
  /** The value's key in its object. */
  readonly slot: string;
  readonly value: string;
  /** Offset in the source. */
  readonly sourceStart: number;
  /** Offset and length of the value's JSON text, quotes included, in the target. */
  readonly targetStart: number;
  readonly targetLength: number;
}

/** JSON is searched to this depth. */
const MAX_DEPTH = 16;

/** The slot values of a row, from left to right in the source, without overlaps.
 *
 * A slot value is a string in an object. It occurs exactly once in the source, between word boundaries, and its key and
 * value occur exactly once in the target. If the target is not JSON, the result is empty.
 */
export function slotSpans({ source, target }: Row): readonly SlotSpan[] {
  const spans: SlotSpan[] = [];
  for (const [slot, value] of textLeaves(parseOrUndefined(target), 0)) {
    const sourceStart = onlyWordOffset(source, value);
    const targetStart = onlyOffset(target, slot, value);
    if (sourceStart === undefined || targetStart === undefined) continue;
    spans.push({ slot, value, sourceStart, targetStart, targetLength: JSON.stringify(value).length });
  }
  spans.sort((a, b) => a.sourceStart - b.sourceStart || b.value.length - a.value.length);
  let end = 0;
  return spans.filter(({ sourceStart, value }) => {
    if (sourceStart < end) return false;
    end = sourceStart + value.length;
    return true;
  });
}

/** Returns the row with each `spans[i]` replaced by `values[i]`. */
export function replaceSlots(
  { source, target }: Row,
  spans: readonly SlotSpan[],
  values: readonly string[],
): Row {
  const inSource = spans.map(({ sourceStart, value }, index) => ({
    start: sourceStart,
    length: value.length,
    text: values[index]!,
  }));
  const inTarget = spans.map(({ targetStart, targetLength }, index) => ({
    start: targetStart,
    length: targetLength,
    text: JSON.stringify(values[index]!),
  }));
  return { source: replaceAt(source, inSource), target: replaceAt(target, inTarget) };
}

interface Replacement {
  readonly start: number;
  readonly length: number;
  readonly text: string;
}

function replaceAt(text: string, replacements: readonly Replacement[]): string {
  let result = "";
  let from = 0;
  for (const { start, length, text: other } of replacements.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(from, start) + other;
    from = start + length;
  }
  return result + text.slice(from);
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function* textLeaves(value: unknown, depth: number): Generator<readonly [slot: string, value: string]> {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner !== "string") yield* textLeaves(inner, depth + 1);
    else if (!Array.isArray(value) && inner.trim() !== "") yield [key, inner];
  }
}

/** Offset of the text if it occurs exactly once, without a letter or digit next to it. */
function onlyWordOffset(source: string, text: string): number | undefined {
  const start = source.indexOf(text);
  if (start === -1 || source.includes(text, start + 1)) return undefined;
  const isTouched =
    /[\p{L}\p{N}]$/u.test(source.slice(0, start)) || /^[\p{L}\p{N}]/u.test(source.slice(start + text.length));
  return isTouched ? undefined : start;
}

/** Offset of the value's JSON text if the pair of key and value occurs exactly once. */
function onlyOffset(target: string, slot: string, value: string): number | undefined {
  const key = JSON.stringify(slot);
  const text = JSON.stringify(value);
  let found: number | undefined;
  for (let at = target.indexOf(key); at !== -1; at = target.indexOf(key, at + 1)) {
    const gap = /^\s*:\s*/.exec(target.slice(at + key.length));
    if (gap === null) continue;
    const start = at + key.length + gap[0].length;
    if (!target.startsWith(text, start)) continue;
    if (found !== undefined) return undefined;
    found = start;
  }
  return found;
}
