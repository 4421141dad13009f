/**
 * Opens untrusted files. A pipe (FIFO) may never end and a device has no size, so only regular files are read. The check uses the open
 * file, so that the path cannot be exchanged after it.
 */
import { constants, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { SlmError } from "../errors/slm-error.js";

/** Flags that do not wait for a writer of a pipe. Windows does not have this flag or these files. */
const WITHOUT_WAITING = constants.O_RDONLY | (process.platform === "win32" ? 0 : constants.O_NONBLOCK);

/** Other kinds of files, for the error. */
const KINDS: readonly (readonly [string, (status: Stats) => boolean])[] = [
  ["a directory", (status) => status.isDirectory()],
  ["a pipe", (status) => status.isFIFO()],
  ["a socket", (status) => status.isSocket()],
  ["a device", (status) => status.isCharacterDevice() || status.isBlockDevice()],
];

/**
 * Opens a regular file for reading. The caller closes it.
 *
 * @throws SlmError INPUT_MISSING if the file is not regular; system errors such as ENOENT
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const handle = await open(path, WITHOUT_WAITING);
  try {
    requireRegular(await handle.stat(), path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** All bytes of a regular file. @throws as {@link openRegular} */
export async function readRegular(path: string): Promise<Buffer> {
  const handle = await openRegular(path);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** The bytes of a regular file in pieces of up to 1 MiB. @throws as {@link openRegular} */
export async function* streamRegular(path: string): AsyncGenerator<Uint8Array> {
  const handle = await openRegular(path);
  try {
    // A stream of Node.js would take longer to set up than a small file takes to read.
    const { size } = await handle.stat();
    const most = Math.min(size + (1 << 12), 1 << 20);
    for (;;) {
      const { bytesRead, buffer } = await handle.read({ buffer: Buffer.allocUnsafe(most) });
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** @throws SlmError INPUT_MISSING if the file is not regular */
export function requireRegular(status: Stats, path: string): void {
  if (status.isFile()) return;
  const kind = KINDS.find(([, is]) => is(status))?.[0] ?? "something else";
  throw new SlmError("INPUT_MISSING", `cannot read ${path} as a file: it is ${kind}`, {
    context: { path, kind },
  });
}
