/** Where workers leave files for one another: a directory that all of them see, or a bucket. Objects appear whole or not at all. */
import { SlmError } from "@slm/core";

/** Bytes of an object whose size nobody announced. */
export const MOST_BYTES = 32 * 1024 * 1024;

export interface ObjectStore {
  /** Its address without secrets, for messages. */
  readonly shown: string;
  /** Writes an object, replacing one of that key. @throws SlmError OUTPUT_FAILED */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * The bytes of an object; undefined if there is none.
   *
   * @param mostBytes of a larger one nothing is read. Default: {@link MOST_BYTES}
   * @throws SlmError INPUT_MISSING if it cannot be read, or is no regular file; DATA_INVALID if it is larger
   */
  get(key: string, mostBytes?: number): Promise<Buffer | undefined>;
  has(key: string): Promise<boolean>;
  /** Removes all objects whose key begins with `folder/`; none is no error. */
  removeFolder(folder: string): Promise<void>;
  close(): void;
}

/** The error of an object that is larger than was announced. @param shown its address */
export function tooLarge(shown: string, bytes: number, mostBytes: number): SlmError {
  return new SlmError("DATA_INVALID", `${shown} has ${bytes} bytes, at most ${mostBytes} were announced`, {
    suggestions: ["remove what others wrote into the shared storage, and run the same command again"],
  });
}
