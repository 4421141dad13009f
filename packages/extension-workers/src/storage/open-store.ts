/** Opens shared storage by the scheme of its address. */
import type { ObjectStore } from "./object-store.js";
import { openDirectoryStore } from "./directory-store.js";

/** @param address a directory, or `s3://bucket/prefix` @throws SlmError USAGE, INPUT_MISSING */
export async function openStore(address: string): Promise<ObjectStore> {
  // The S3 client is loaded on demand, because it is large and most workers share a directory.
  if (address.startsWith("s3://")) return (await import("./s3-store.js")).openS3Store(address);
  return openDirectoryStore(address);
}
