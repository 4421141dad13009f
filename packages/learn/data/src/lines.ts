/** Lines of a file of any size, one at a time, never more than one line in memory. */
import { createReadStream } from "node:fs";
import { SlmError } from "@slm/error";

/** A line above this is not a row of text. */
export const MAX_LINE_BYTES = 1024 * 1024;

export type Line =
  { readonly line: number; readonly text: string } | { readonly line: number; readonly reason: string };

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Every line with its number, counted from 1, without its line end (LF or CRLF) and without the byte order mark of the
 * file. A line that is too long or not UTF-8 comes with a reason instead of a text.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read.
 */
export async function* readLines(path: string): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let line = 1;
  const finish = (): Line => {
    const result = size > MAX_LINE_BYTES ? tooLong(line, size) : decodeLine(line, Buffer.concat(parts, size));
    parts = [];
    size = 0;
    line++;
    return result;
  };
  const add = (part: Uint8Array): void => {
    size += part.length;
    if (size > MAX_LINE_BYTES) parts = [];
    else if (part.length > 0) parts.push(part);
  };

  for await (const chunk of readChunks(path)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      yield finish();
      start = end + 1;
    }
    add(chunk.subarray(start));
  }
  if (size > 0) yield finish();
}

async function* readChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path)) yield chunk as Uint8Array;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("INPUT_MISSING", `data: cannot read ${path}: ${reason}`, { context: { path }, cause });
  }
}

function decodeLine(line: number, bytes: Uint8Array): Line {
  const isMarked = line === 1 && BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte);
  const start = isMarked ? BYTE_ORDER_MARK.length : 0;
  const end = bytes.length > start && bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { line, text: decoder.decode(bytes.subarray(start, end)) };
  } catch {
    return { line, reason: "not UTF-8 text" };
  }
}

function tooLong(line: number, size: number): Line {
  return { line, reason: `the line is ${size} bytes long, expected at most ${MAX_LINE_BYTES}` };
}
