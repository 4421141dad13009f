/** Runs of static decoders: one token, or several in the chunk graph, for one text. */
import { type DeviceModel, GRAPH_IO, LEXICAL_MASKED } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { type DeviceTensor, type HostTensor, type Session, createHostTensor } from "@slm/runtime";
import type { TextCache } from "./text-cache.js";

export interface StaticRunParts {
  readonly decoder: Session;
  /** The decoder for several tokens per run, and their number. */
  readonly chunk: { readonly session: Session; readonly tokens: number } | undefined;
  readonly model: DeviceModel;
  readonly window: number;
  readonly maskedBias: number;
  /** `[vocab]`, 0 for tokens that are not allowed for the source. Absent: all are allowed. */
  readonly mayAnswer?: Uint8Array | undefined;
  /** Outputs of the encoder for one source, shared by all rows, and the bias over it; nothing for a decoder-only model. */
  readonly source: Readonly<Record<string, DeviceTensor | HostTensor>>;
}

/** float32 `[1, 1, 1, size]`: 0 at positions that may be attended. */
export function biasOf(size: number, maskedBias: number, isSeen: (slot: number) => boolean): HostTensor {
  const values = Float32Array.from({ length: size }, (_, slot) => (isSeen(slot) ? 0 : maskedBias));
  return createHostTensor("float32", [1, 1, 1, size], values);
}

/**
 * Feeds tokens at `position` and after it, and keeps their keys and values in the cache.
 *
 * Returns the logits `[tokens, vocab]`. Cache entries from `position` on are not attended, so a text can be continued from any earlier position.
 *
 * @throws SlmError SHAPE_MISMATCH if the tokens do not fit into the window, or the graph's logits are not float32 `[n, vocab]`
 */
export async function runStatic(
  parts: StaticRunParts,
  cache: TextCache,
  { tokens, position }: { readonly tokens: ArrayLike<number>; readonly position: number },
): Promise<Float32Array> {
  const { window, model, chunk } = parts;
  if (position + tokens.length > window) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `generate: a static decoder has room for ${window} tokens, got ${position + tokens.length}`,
    );
  }
  const { vocabularySize } = model;
  const logits = new Float32Array(tokens.length * vocabularySize);
  for (let at = 0; at < tokens.length;) {
    const left = tokens.length - at;
    // A single token is cheaper in the graph for one token.
    const { session, size } =
      chunk === undefined || left === 1
        ? { session: parts.decoder, size: 1 }
        : { session: chunk.session, size: chunk.tokens };
    const count = Math.min(size, left);
    const { feeds } = feedsOf(parts, { tokens, at, count, size, position: position + at });
    const { fetched } = await session.run({
      feeds: { ...feeds, ...parts.source, ...cache.feedsAt(position + at) },
      fetch: session.outputNames,
    });
    const made = logitsOf(fetched, GRAPH_IO.logits, [size, vocabularySize]);
    logits.set(made.subarray(0, count * vocabularySize), at * vocabularySize);
    cache.write({ slot: position + at, count }, fetched);
    at += count;
  }
  maskUnlisted(logits, parts.mayAnswer);
  return logits;
}

/** Sets the logits of forbidden tokens to the value that graphs with dynamic shapes use, in every row `[vocab]`. */
function maskUnlisted(logits: Float32Array, mayAnswer: Uint8Array | undefined): void {
  if (mayAnswer === undefined) return;
  for (let at = 0; at < logits.length; at++)
    if (mayAnswer[at % mayAnswer.length] === 0) logits[at] = LEXICAL_MASKED;
}

interface Part {
  readonly tokens: ArrayLike<number>;
  /** Position of the first token of the part. */
  readonly at: number;
  readonly count: number;
  /** Number of tokens per run of the graph; the rest is padding. */
  readonly size: number;
  readonly position: number;
}

function feedsOf(
  { model, window, maskedBias }: StaticRunParts,
  { tokens, at, count, size, position }: Part,
): { readonly feeds: Readonly<Record<string, HostTensor>> } {
  const slots = window - 1;
  const { pad } = model.tokens;
  const ids = Int32Array.from({ length: size }, (_, row) => (row < count ? tokens[at + row]! : pad));
  // Padding may have any valid position.
  const places = Int32Array.from({ length: size }, (_, row) => Math.min(position + row, slots));
  const columns = slots + size;
  const own = {
    [GRAPH_IO.targetIds]: createHostTensor("int32", [1, size], ids),
    [GRAPH_IO.position]: createHostTensor("int32", [size], places),
  };
  // A recurrent decoder reads no slots.
  if (model.stateWidth !== undefined) return { feeds: own };
  // A token sees the slots before it, and after them the tokens of the run up to itself.
  const bias = Float32Array.from({ length: size * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const isSeen = column < slots ? column < position : column - slots <= row;
    return isSeen ? 0 : maskedBias;
  });
  return {
    feeds: {
      ...own,
      [GRAPH_IO.windowBias]: createHostTensor("float32", [1, 1, size, columns], bias),
    },
  };
}

function logitsOf(
  fetched: Readonly<Record<string, HostTensor>>,
  name: string,
  shape: readonly [rows: number, vocabulary: number],
): Float32Array {
  const logits = fetched[name];
  if (logits?.data instanceof Float32Array && logits.data.length === shape[0] * shape[1]) return logits.data;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `generate: '${name}' must be float32 [${shape.join(", ")}], got ` +
      (logits === undefined ? "none" : `${logits.dtype}[${logits.shape.join(",")}]`),
  );
}
