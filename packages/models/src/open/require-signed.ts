/** Rejects bundles that are not signed with a key. */
import { verifyDirectory } from "@slm/core";
import { shellWord, SlmError } from "@slm/core/errors";
import { checkSignature } from "@slm/deploy";

/**
 * Checks the signature of a bundle's manifest, and every byte of the bundle against its manifest.
 *
 * @param key public key, a PEM file
 * @throws SlmError GATE_FAILED if the bundle is not signed with the key or was modified; as `checkSignature`
 */
export async function requireSigned(directory: string, key: string): Promise<void> {
  const { problem } = await checkSignature(directory, key);
  const [first] = problem === undefined ? (await verifyDirectory(directory)).problems : [];
  const why = problem ?? (first === undefined ? undefined : `${first.path} ${first.message}`);
  if (why !== undefined)
    throw new SlmError("GATE_FAILED", `${directory}: ${why}`, {
      suggestions: [`slm verify ${shellWord(directory)}`],
    });
}
