import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { MANIFEST_FILE, SIGNATURE_FILE } from "@slm/core";
import { beforeEach, describe, expect, test } from "vitest";
import { packBundle } from "./pack.js";
import { checkSignature, signBundle } from "./signature.js";
import { tarOf } from "./tar.js";
import { writeTinyBundle } from "./tiny-bundle.test-support.js";
import { verifyBundle } from "./verify-bundle.js";

const root = temporaryFolder({ each: true });
let bundle: string;

/** Writes a pair of keys and returns their files. */
async function keys(name: string): Promise<{ readonly secret: string; readonly open: string }> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const [secret, open] = [join(root, `${name}.pem`), join(root, `${name}.pub.pem`)];
  await writeFile(secret, privateKey.export({ type: "pkcs8", format: "pem" }));
  await writeFile(open, publicKey.export({ type: "spki", format: "pem" }));
  return { secret, open };
}

beforeEach(async () => {
  bundle = await writeTinyBundle(join(root, "bundle"));
});

describe(signBundle, () => {
  test("a signed bundle verifies with the public key, as a directory and packed", async () => {
    const { secret, open } = await keys("a");
    await signBundle(bundle, secret);
    await packBundle(bundle, join(root, "b.slm"));
    for (const path of [bundle, join(root, "b.slm")]) {
      const { problems, signature } = await verifyBundle(path, open);
      expect(problems).toEqual([]);
      expect(signature).toEqual({ keyId: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    }
  });

  test("an archive with two signatures is rejected", async () => {
    await signBundle(bundle, (await keys("a")).secret);
    const packed = join(root, "b.slm");
    const paths = [MANIFEST_FILE, SIGNATURE_FILE, SIGNATURE_FILE];
    const archive = tarOf(paths.map((path) => ({ path, contents: join(bundle, path) })));
    await writeFile(packed, await buffer(archive));
    await expect(verifyBundle(packed)).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining(`'${SIGNATURE_FILE}' occurs twice`) as string,
    });
  });

  test("signing twice gives the same bytes", async () => {
    const { secret } = await keys("a");
    await signBundle(bundle, secret);
    const first = await readFile(join(bundle, SIGNATURE_FILE));
    await signBundle(bundle, secret);
    expect(await readFile(join(bundle, SIGNATURE_FILE))).toEqual(first);
  });

  test("rejects a key of another kind and a public key", async () => {
    const { open } = await keys("a");
    await expect(signBundle(bundle, open)).rejects.toMatchObject({ code: "DATA_INVALID" });
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await writeFile(join(root, "ec.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
    await expect(signBundle(bundle, join(root, "ec.pem"))).rejects.toThrow(withCode("DATA_INVALID"));
  });
});

describe(checkSignature, () => {
  test("says that a bundle is not signed", async () => {
    expect((await checkSignature(bundle, (await keys("a")).open)).problem).toBe("the bundle is not signed");
  });

  test("says that another key signed", async () => {
    await signBundle(bundle, (await keys("a")).secret);
    expect((await checkSignature(bundle, (await keys("b")).open)).problem).toMatch(/another key/);
  });

  test("says that the manifest was changed, were it by a space", async () => {
    const { secret, open } = await keys("a");
    await signBundle(bundle, secret);
    await writeFile(join(bundle, MANIFEST_FILE), ` ${await readFile(join(bundle, MANIFEST_FILE), "utf8")}`);
    expect((await checkSignature(bundle, open)).problem).toMatch(/changed after/);
  });

  test("does not take a private key for checking", async () => {
    await expect(checkSignature(bundle, (await keys("a")).secret)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("rejects a malformed signature file", async () => {
    await writeFile(join(bundle, SIGNATURE_FILE), "{}");
    await expect(checkSignature(bundle, (await keys("a")).open)).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
  });
});
