/** Where workers leave files for one another: a directory that all of them see, or a bucket. Objects appear whole or not at all. */

export interface ObjectStore {
  /** Its address without secrets, for messages. */
  readonly shown: string;
  /** Writes an object, replacing one of that key. @throws SlmError OUTPUT_FAILED */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The bytes of an object; undefined if there is none. @throws SlmError INPUT_MISSING if it cannot be read */
  get(key: string): Promise<Buffer | undefined>;
  has(key: string): Promise<boolean>;
  /** Removes all objects whose key begins with `folder/`; none is no error. */
  removeFolder(folder: string): Promise<void>;
  close(): void;
}
