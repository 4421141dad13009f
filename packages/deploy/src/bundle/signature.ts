/** Signs bundles: Ed25519 (RFC 8032) over the bytes of manifest.json, which has the hash of every other file. */
import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { join } from "node:path";
import {
  ifThere,
  MANIFEST_FILE,
  SIGNATURE_FILE,
  readFailure,
  readJsonFile,
  readRegular,
  readTextFile,
  writeJsonAtomic,
  SlmError,
} from "@slm/core";
import { z } from "zod";
import { BUNDLE_LIMITS } from "./limits.js";

/** Largest key file: an Ed25519 key in PEM form is smaller [bytes]. */
const KEY_LIMIT_BYTES = 16_384;

const signatureSchema = z.strictObject({
  schemaVersion: z.literal(1),
  algorithm: z.literal("ed25519"),
  keyId: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe("sha256 of the public key in DER form (SPKI)."),
  signature: z.base64().length(88).describe("64 bytes over manifest.json."),
});

export type BundleSignature = z.infer<typeof signatureSchema>;

const MAKE_KEYS = [
  "openssl genpkey -algorithm ed25519 -out key.pem",
  "openssl pkey -in key.pem -pubout -out key.pub.pem",
];

/**
 * Signs a bundle: writes `manifest.sig.json` next to its manifest.
 *
 * @param keyFile private key, PEM (PKCS #8)
 * @throws SlmError INPUT_MISSING for a missing file, DATA_INVALID for a file that is not an Ed25519 key.
 */
export async function signBundle(directory: string, keyFile: string): Promise<BundleSignature> {
  const key = await readKey(keyFile, "private");
  const manifest = await manifestBytes(directory);
  const signature: BundleSignature = {
    schemaVersion: 1,
    algorithm: "ed25519",
    keyId: keyIdOf(createPublicKey(key)),
    signature: sign(null, manifest, key).toString("base64"),
  };
  await writeJsonAtomic(join(directory, SIGNATURE_FILE), signature);
  return signature;
}

/** Result of checking a signature; `problem` says why it is not valid. */
export interface SignatureCheck {
  readonly keyId: string;
  readonly problem?: string;
}

/**
 * Checks a bundle's signature against a public key. `verifyDirectory` checks that the files match the
 * manifest. Both together prove that the owner of the key signed every byte.
 *
 * @param keyFile public key, PEM (SPKI)
 * @throws SlmError INPUT_MISSING if the key or the manifest is missing, DATA_INVALID for a malformed key or signature file.
 */
export async function checkSignature(directory: string, keyFile: string): Promise<SignatureCheck> {
  const key = await readKey(keyFile, "public");
  const keyId = keyIdOf(key);
  const manifest = await manifestBytes(directory);
  const signed = await readSignature(directory);
  if (signed === undefined) return { keyId, problem: "the bundle is not signed" };
  if (signed.keyId !== keyId) return { keyId, problem: `signed by another key: ${signed.keyId}` };
  const isGood = verify(null, manifest, key, Buffer.from(signed.signature, "base64"));
  return isGood ? { keyId } : { keyId, problem: "the manifest was changed after it was signed" };
}

/** The signature of a bundle; undefined if there is none. @throws SlmError DATA_INVALID if it is malformed. */
function readSignature(directory: string): Promise<BundleSignature | undefined> {
  const limits = { limitBytes: BUNDLE_LIMITS.signatureBytes };
  return ifThere(readJsonFile(join(directory, SIGNATURE_FILE), signatureSchema, limits));
}

function keyIdOf(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
}

async function manifestBytes(directory: string): Promise<Uint8Array> {
  const path = join(directory, MANIFEST_FILE);
  try {
    return await readRegular(path);
  } catch (error) {
    throw readFailure(error, path, ["slm deploy MODEL"]);
  }
}

async function readKey(path: string, kind: "private" | "public"): Promise<KeyObject> {
  const pem = await readTextFile(path, { limitBytes: KEY_LIMIT_BYTES, suggestions: MAKE_KEYS });
  const problem = `${path}: expected an Ed25519 ${kind} key in PEM form`;
  let key: KeyObject;
  try {
    // A private key would work too, but whoever verifies should not have it.
    if (kind === "public" && pem.includes("PRIVATE KEY")) throw new Error("this is a private key");
    key = kind === "private" ? createPrivateKey(pem) : createPublicKey(pem);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("DATA_INVALID", `${problem}, which could not be read: ${reason}`, {
      suggestions: MAKE_KEYS,
      cause,
    });
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new SlmError("DATA_INVALID", `${problem}, got ${key.asymmetricKeyType ?? "another kind"}`, {
    suggestions: MAKE_KEYS,
  });
}
