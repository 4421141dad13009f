/** Reads the lines of a file of any size with one line in memory at a time. */
import { stat } from "node:fs/promises";
import { requireRegular, SlmError, streamRegular } from "@slm/core";
import { HINTS } from "./hints.js";
import { MAX_FILE_BYTES, MAX_LINE_BYTES } from "./limits.js";
import type { Rejection } from "./row.js";

export type Line = { readonly line: number; readonly text: string } | Rejection;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** Byte order marks of UTF-16, in which every Latin character contains a NUL byte. */
const UTF16_MARKS = [
  [0xff, 0xfe],
  [0xfe, 0xff],
];

/** Supported encodings of text files. */
export const ENCODINGS = ["utf-8", "windows-1252", "latin1", "iso-8859-1"] as const;
export type Encoding = (typeof ENCODINGS)[number];
export const DEFAULT_ENCODING: Encoding = "utf-8";
const WINDOWS_1252 = new TextDecoder("windows-1252");
/** Latin-1 is read as its superset windows-1252, as in browsers (WHATWG Encoding, section 4.2). */
const DECODERS = {
  "utf-8": new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
  "windows-1252": WINDOWS_1252,
  latin1: WINDOWS_1252,
  "iso-8859-1": WINDOWS_1252,
} as const satisfies Readonly<Record<Encoding, { readonly decode: (bytes: Uint8Array) => string }>>;

export interface ReadLinesOptions {
  readonly encoding?: Encoding | undefined;
  /** Longest accepted line. Default: {@link MAX_LINE_BYTES}. */
  readonly limitBytes?: number;
}

/**
 * Yields every line with its number, counted from 1, without its line break (LF or CRLF) and without the file's byte order
 * mark. A line that is too long or wrongly encoded has a reason instead of a text.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read, DATA_INVALID if it is UTF-16 or too large.
 */
export async function* readLines(
  path: string,
  { encoding = DEFAULT_ENCODING, limitBytes = MAX_LINE_BYTES }: ReadLinesOptions = {},
): AsyncGenerator<Line> {
  await checkSize(path, MAX_FILE_BYTES);
  let parts: Uint8Array[] = [];
  let size = 0;
  let line = 1;
  const finish = (): Line => {
    const result =
      size > limitBytes
        ? tooLong(line, size, limitBytes)
        : decodeLine(line, Buffer.concat(parts, size), encoding);
    parts = [];
    size = 0;
    line++;
    return result;
  };
  const add = (part: Uint8Array): void => {
    size += part.length;
    if (size > limitBytes) parts = [];
    else if (part.length > 0) parts.push(part);
  };

  let isFirst = true;
  for await (const chunk of readChunks(path)) {
    if (isFirst) rejectUtf16(path, chunk);
    isFirst = false;
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
    yield* streamRegular(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function decodeLine(line: number, bytes: Uint8Array, encoding: Encoding): Line {
  const isMarked = line === 1 && startsWith(bytes, BYTE_ORDER_MARK);
  const start = isMarked ? BYTE_ORDER_MARK.length : 0;
  const end = bytes.length > start && bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  const text = decodeText(bytes.subarray(start, end), encoding);
  return text === undefined ? { line, reason: "not UTF-8 text", hint: HINTS.encoding } : { line, text };
}

/** Whether every line of a text file is UTF-8; too long lines are ignored. @throws SlmError as {@link readLines} */
export async function isUtf8(path: string): Promise<boolean> {
  for await (const line of readLines(path))
    if ("reason" in line && line.hint === HINTS.encoding) return false;
  return true;
}

/** Decodes bytes without replacing any; undefined if they are not valid in the encoding. */
export function decodeText(bytes: Uint8Array, encoding: Encoding = DEFAULT_ENCODING): string | undefined {
  try {
    return DECODERS[encoding].decode(bytes);
  } catch {
    return undefined;
  }
}

function startsWith(bytes: Uint8Array, mark: readonly number[]): boolean {
  return mark.every((byte, index) => bytes[index] === byte);
}

/** @throws SlmError DATA_INVALID if the file starts with a UTF-16 byte order mark */
export function rejectUtf16(path: string, bytes: Uint8Array): void {
  if (!UTF16_MARKS.some((mark) => startsWith(bytes, mark))) return;
  throw new SlmError("DATA_INVALID", `data: ${path} is UTF-16 text, expected UTF-8`, {
    context: { path },
    suggestions: [`iconv -f UTF-16 -t UTF-8 ${path}`],
  });
}

/** The size of a file [bytes]. @throws SlmError INPUT_MISSING, DATA_INVALID above the limit */
export async function checkSize(path: string, limit: number): Promise<number> {
  let size: number;
  try {
    const status = await stat(path);
    requireRegular(status, path);
    size = status.size;
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (size <= limit) return size;
  throw new SlmError("DATA_INVALID", `data: ${path} is ${size} bytes long, expected at most ${limit}`, {
    context: { path, size, limit },
  });
}

/** The error for an unreadable file. */
export function unreadable(path: string, cause: unknown): SlmError {
  if (cause instanceof SlmError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SlmError("INPUT_MISSING", `data: cannot read ${path}: ${reason}`, { context: { path }, cause });
}

function tooLong(line: number, size: number, limit: number): Line {
  return { line, reason: `the line is ${size} bytes long, expected at most ${limit}` };
}
