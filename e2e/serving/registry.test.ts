/** Pushes to and pulls from Debian's docker-registry. */
import { generateKeyPairSync } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { expect, test } from "vitest";
import { slm, slmExit } from "../slm-process.js";
import { bundle, setting } from "./command-line.js";

const registry = setting("SLM_TEST_REGISTRY");
const root = temporaryFolder();

test("a signed bundle goes to the registry and comes back byte for byte, by tag and by digest", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const [key, publicFile] = [join(root, "key.pem"), join(root, "key.pub.pem")];
  await writeFile(key, privateKey.export({ type: "pkcs8", format: "pem" }));
  await writeFile(publicFile, publicKey.export({ type: "spki", format: "pem" }));

  const reference = `${registry}/slm/g2p:1.0`;
  const pushed = await slm("deploy", bundle, "--to", "oci", "--reference", reference, "--sign", key);
  expect(pushed).toMatchObject({ target: "oci", digest: expect.stringMatching(/^sha256:/) as string });

  for (const [index, name] of [reference, String(pushed["bundle"])].entries()) {
    const output = join(root, `pulled-${index}`);
    expect(await slm("pull", name, "-o", output)).toMatchObject({ digest: pushed["digest"] });
    expect(await slm("verify", output, "--key", publicFile)).toMatchObject({ pass: true });
    for (const path of await readdir(bundle)) {
      expect(await readFile(join(output, path))).toEqual(await readFile(join(bundle, path)));
    }
  }
  const here = await slm("generate", bundle, "--prompt", "abc");
  expect((await slm("generate", join(root, "pulled-0"), "--prompt", "abc"))["text"]).toBe(here["text"]);
});

test("a name that is not there is exit 66", async () => {
  const { exitCode, stderr } = await slmExit("pull", `${registry}/slm/none:1`, "-o", join(root, "none"));
  expect([exitCode, stderr]).toEqual([66, expect.stringContaining("no such repository, tag or digest")]);
});
