/** After SIGKILL, the next pull continues where the killed one stopped, and leaves no temporary files. */
import { hashFile, verifyDirectory } from "@slm/core";
import { execa } from "execa";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { writeTinyBundle } from "../packages/deploy/src/bundle/tiny-bundle.test-support.js";
import {
  startMemoryRegistry,
  type MemoryRegistry,
} from "../packages/deploy/src/oci/memory-registry.test-support.js";
import { parseOciReference } from "../packages/deploy/src/oci/reference.js";
import { pushBundle } from "../packages/deploy/src/oci/push.js";
import { bin } from "./slm-process.js";

const root = temporaryFolder({ each: true });
let registry: MemoryRegistry;
beforeEach(async () => {
  registry = await startMemoryRegistry();
});
afterEach(async () => {
  await registry.close();
});

test("SIGKILL in the middle of a file leaves a .partial, which the next pull goes on with and removes", async () => {
  const bundle = await writeTinyBundle(join(root, "bundle"));
  const reference = `${registry.host}/team/model:1`;
  await pushBundle(bundle, parseOciReference(reference));
  const decoder = `sha256:${await hashFile(join(bundle, "decoder.onnx"))}`;
  const readme = `sha256:${await hashFile(join(bundle, "README.md"))}`;
  registry.harm = (name) => (name === decoder ? "stall" : undefined);
  const pull = () =>
    execa(process.execPath, [bin, "pull", reference, "-o", "pulled"], { cwd: root, reject: false });
  const killed = pull();
  await vi.waitFor(() => stat(join(root, "pulled.partial", "decoder.onnx")), 120_000);
  killed.kill("SIGKILL");
  expect((await killed).signal).toBe("SIGKILL");
  const isLock = (name: string): boolean => /\.lock(\.json)?$/u.test(name);
  expect((await readdir(root)).filter((name) => !isLock(name)).sort()).toEqual(["bundle", "pulled.partial"]);
  registry.harm = () => undefined;
  // Received bytes are not requested again.
  expect(registry.blobs.delete(readme)).toBe(true);
  const again = await pull();
  expect(again.exitCode, again.stderr).toBe(0);
  expect((await readdir(root)).sort()).toEqual(["bundle", "pulled"]);
  expect((await verifyDirectory(join(root, "pulled"))).problems).toEqual([]);
});
