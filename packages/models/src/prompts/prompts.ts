/** Prompts from flags, or one per line of standard input. */
import { SlmError } from "@slm/core/errors";

/** Limit of standard input [bytes]. */
const STDIN_LIMIT_BYTES = 64 * 1024 * 1024;

/** A stream of bytes that may be a terminal. */
export interface PromptStream extends AsyncIterable<unknown> {
  readonly isTTY?: boolean;
}

/**
 * The prompts of `--prompt` flags; without any, the lines of `stream`. Blank lines stay, so that answers keep their line numbers.
 *
 * @throws SlmError USAGE if there are no prompts or the stream is a terminal, DATA_INVALID if it is too large or not UTF-8
 */
export async function readPrompts(
  flags: readonly string[],
  stream: PromptStream,
): Promise<readonly string[]> {
  if (flags.length > 0) return flags;
  const prompts = stream.isTTY === true ? [] : linesOf(await readAll(stream));
  if (prompts.some((line) => line.trim() !== "")) return prompts;
  throw new SlmError("USAGE", "generate: expected a prompt, got none on the command line or standard input", {
    suggestions: ["slm generate MODEL --prompt TEXT", "cat prompts.txt | slm generate MODEL"],
  });
}

async function readAll(stream: PromptStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = chunk instanceof Uint8Array ? chunk : Buffer.from(String(chunk));
    bytes += part.byteLength;
    if (bytes > STDIN_LIMIT_BYTES) {
      throw new SlmError(
        "DATA_INVALID",
        `generate: standard input: expected at most ${STDIN_LIMIT_BYTES} bytes of prompts, got more`,
      );
    }
    chunks.push(part);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", "generate: standard input: expected UTF-8 text", { cause });
  }
}

function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/u);
  // What follows the last line break is a line only if it has text.
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}
