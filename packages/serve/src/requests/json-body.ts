/**
 * Parses JSON from a client and limits its depth and size. Code that walks a value afterwards (schemas, compilers, messages between
 * threads) can then be recursive, and its time is bounded.
 */
import { SlmError } from "@slm/core";

/** Deepest nesting of arrays and objects. A JSON Schema has two or three for each of its 64 levels. */
const DEEPEST = 256;
/** Most values, counting arrays, objects and everything in them. */
const MOST_VALUES = 200_000;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @throws SlmError USAGE for text that is not JSON in UTF-8, that is nested too deeply, or that has too many values. */
export function parseJsonBody(body: Uint8Array): unknown {
  const value = parsed(body);
  let level: readonly unknown[] = [value];
  let count = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST)
      throw new SlmError("USAGE", `body: JSON may be nested at most ${DEEPEST} levels deep`);
    count += level.length;
    if (count > MOST_VALUES) throw new SlmError("USAGE", `body: JSON may have at most ${MOST_VALUES} values`);
    level = level.flatMap((one): unknown[] =>
      typeof one === "object" && one !== null ? Object.values(one) : [],
    );
  }
  return value;
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(body));
  } catch (cause) {
    throw new SlmError("USAGE", "body: Malformed JSON in request body", { cause });
  }
}
