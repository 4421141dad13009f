/** Writes tar archives with the same bytes on every machine and at any time. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";

export interface TarFile {
  /** Its path in the archive. */
  readonly path: string;
  /** Its contents, or the path of a file on disk that has them. */
  readonly contents: Uint8Array | string;
}

/** An archive of regular files, in the given order. Owner, mode and time are the same for all of them. */
export function tarOf(files: readonly TarFile[]): Pack {
  const archive = pack();
  const fill = async (): Promise<void> => {
    for (const { path, contents } of files) {
      const isOnDisk = typeof contents === "string";
      const size = isOnDisk ? (await stat(contents)).size : contents.byteLength;
      const entry = archive.entry({ name: path, size, type: "file", mode: 0o644, mtime: new Date(0) });
      await pipeline(isOnDisk ? createReadStream(contents) : [contents], entry);
    }
    archive.finalize();
  };
  fill().catch((error: unknown) => {
    archive.destroy(error as Error);
  });
  return archive;
}
