/** Shared storage for workers: a directory that all of them can access, or a bucket. Objects appear completely or not at all. */
import { SlmError } from "@slm/core";

/** Default size limit of an object [bytes]. */
export const MOST_BYTES = 32 * 1024 * 1024;

export interface ObjectStore {
  /** Its address without secrets, for messages. */
  readonly shown: string;
  /** Writes or replaces an object. @throws SlmError OUTPUT_FAILED */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * The bytes of an object; undefined if there is none.
   *
   * @param mostBytes larger objects are not read. Default: {@link MOST_BYTES}
   * @throws SlmError INPUT_MISSING if it cannot be read or is not a regular file; DATA_INVALID if it is larger
   */
  get(key: string, mostBytes?: number): Promise<Buffer | undefined>;
  has(key: string): Promise<boolean>;
  /** Removes all objects with keys that begin with `folder/`. It is not an error if there are none. */
  removeFolder(folder: string): Promise<void>;
  close(): void;
}

/** The error for an object that is larger than expected. @param shown its address */
export function tooLarge(shown: string, bytes: number, mostBytes: number): SlmError {
  return new SlmError("DATA_INVALID", `${shown} has ${bytes} bytes, expected at most ${mostBytes}`, {
    suggestions: ["remove other programs' files from the shared storage and run the same command again"],
  });
}
