/** Runs of static decoders: one token, or several in the chunk graph, for one text. */
import {
  type DeviceModel,
  GRAPH_IO,
  LEXICAL_MASKED,
  staticTokenInputs,
  type TextCache,
} from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { DeviceTensor, HostTensor, Session } from "@slm/runtime";

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
  const all = Int32Array.from(tokens);
  for (let at = 0; at < tokens.length;) {
    const left = tokens.length - at;
    // A single token is cheaper in the graph for one token.
    const { session, size } =
      chunk === undefined || left === 1
        ? { session: parts.decoder, size: 1 }
        : { session: chunk.session, size: chunk.tokens };
    const count = Math.min(size, left);
    const slot = position + at;
    const ids = all.subarray(at, at + count);
    const { fetched } = await session.run({
      feeds: {
        ...staticTokenInputs(ids, model, parts, { position: slot, size }),
        ...parts.source,
        ...cache.feedsAt(slot),
      },
      fetch: session.outputNames,
    });
    const made = logitsOf(fetched, GRAPH_IO.logits, [size, vocabularySize]);
    logits.set(made.subarray(0, count * vocabularySize), at * vocabularySize);
    cache.write({ slot, count }, fetched);
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
