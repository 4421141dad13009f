/** Verifies a bundle, as a directory or packed. */
import { mkdtemp, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removePath, readFailure, verifyDirectory, type Verification } from "@slm/core";
import { checkSignature, type SignatureCheck } from "./signature.js";
import { unpackBundle } from "./unpack.js";

export interface BundleCheck extends Verification {
  /** Only if a key was given. */
  readonly signature?: SignatureCheck;
}

/**
 * Compares a bundle with its manifest and, given a public key, the manifest with its signature.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID if there is no bundle to compare.
 */
export async function verifyBundle(path: string, keyFile?: string): Promise<BundleCheck> {
  return withBundleDirectory(path, async (directory) => {
    const verification = await verifyDirectory(directory);
    if (keyFile === undefined) return verification;
    return { ...verification, signature: await checkSignature(directory, keyFile) };
  });
}

/** Runs `body` on a bundle's directory. A packed bundle is unpacked into a temporary directory. */
async function withBundleDirectory<Result>(
  path: string,
  body: (directory: string) => Promise<Result>,
): Promise<Result> {
  if (!(await isPacked(path))) return body(path);
  const root = await mkdtemp(join(tmpdir(), "slm-bundle-"));
  try {
    const directory = join(root, "bundle");
    await unpackBundle(path, directory);
    return await body(directory);
  } finally {
    await removePath(root);
  }
}

/** Whether a path is a file, as a packed bundle is. @throws SlmError INPUT_MISSING */
export async function isPacked(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    throw readFailure(error, path, ["slm deploy MODEL"]);
  }
}
