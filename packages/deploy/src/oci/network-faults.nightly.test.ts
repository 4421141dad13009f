/** Pulls and pushes over a network that refuses, cuts, ends, stalls, corrupts, reorders, repeats and drips. */
import { hashFile, SlmError, verifyDirectory } from "@slm/core";
import { drawFaults, startFaultProxy, type Fault, type FaultProxy, temporaryFolder } from "@slm/core/testing";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TINY_FILES, writeTinyBundle } from "../bundle/tiny-bundle.test-support.js";
import { startMemoryRegistry, type MemoryRegistry } from "./memory-registry.test-support.js";
import { pullBundle } from "./pull.js";
import { pushBundle } from "./push.js";
import { parseOciReference, type OciReference } from "./reference.js";

const root = temporaryFolder({ each: true });
let bundle = "";
let registry: MemoryRegistry;
let proxy: FaultProxy;
beforeEach(async () => {
  bundle = join(root, "bundle");
  await writeTinyBundle(bundle);
  registry = await startMemoryRegistry();
  proxy = await startFaultProxy(Number(registry.host.split(":")[1]));
});
afterEach(async () => {
  await proxy.close();
  await registry.close();
});

const direct = (): OciReference => parseOciReference(`${registry.host}/team/model:1`);
const faulty = (): OciReference => parseOciReference(`127.0.0.1:${proxy.port}/team/model:1`);
const SILENCE = { silenceMs: 300 };

/** Runs a call under each fault and counts the outcomes. @throws for an error that would be reported as a bug of slm */
async function endings(faults: readonly Fault[], call: () => Promise<unknown>): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const fault of faults) {
    await proxy.arm(fault);
    const ended = await call().then(
      () => "done",
      (error: unknown) => {
        if (error instanceof SlmError && error.code !== "UNEXPECTED") return error.code;
        throw new Error(`${fault.kind} at byte ${fault.at} would be called a bug`, { cause: error });
      },
    );
    counts.set(ended, (counts.get(ended) ?? 0) + 1);
  }
  return counts;
}

test("270 pulls over a bad network end with the very bundle or an error that is no bug, and never with another bundle", async () => {
  await pushBundle(bundle, direct());
  const target = join(root, "pulled");
  const counts = await endings(drawFaults(270, 1, 3000), async () => {
    await rm(target, { recursive: true, force: true });
    await pullBundle(faulty(), target, SILENCE);
    for (const path of ["manifest.json", ...Object.keys(TINY_FILES)])
      expect(await hashFile(join(target, path))).toBe(await hashFile(join(bundle, path)));
  });
  expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(270);
  expect(counts.get("done")).toBeGreaterThan(30);
  expect(counts.get("DEVICE_UNAVAILABLE")).toBeGreaterThan(30);
}, 300_000);

test("180 pushes over a bad network end with the pushed bundle or an error with a code", async () => {
  const counts = await endings(drawFaults(180, 2, 600), async () => {
    registry.blobs.clear();
    registry.manifests.clear();
    await pushBundle(bundle, faulty(), SILENCE);
    await pullBundle(direct(), join(root, "again"));
  });
  expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(180);
  expect(counts.get("done")).toBeGreaterThan(20);
  expect(counts.get("DEVICE_UNAVAILABLE")).toBeGreaterThan(20);
}, 300_000);

test("a pull goes on with the complete files that a killed one left, and leaves nothing else", async () => {
  await pushBundle(bundle, direct());
  const target = join(root, "pulled");
  const partial = `${target}.partial`;
  await mkdir(join(partial, "onnx"), { recursive: true });
  await writeFile(join(partial, "decoder.onnx"), TINY_FILES["decoder.onnx"]!);
  await writeFile(join(partial, "README.md"), "# ti");
  await writeFile(join(partial, "manifest.json"), "{}");
  await writeFile(join(partial, "onnx", "of-another-bundle"), "x");
  await symlink(bundle, join(partial, "link"));
  const complete = `sha256:${await hashFile(join(partial, "decoder.onnx"))}`;
  expect(registry.blobs.delete(complete)).toBe(true);
  await pullBundle(direct(), target);
  expect((await verifyDirectory(target)).problems).toEqual([]);
  expect((await readdir(root)).sort()).toEqual(["bundle", "pulled"]);
});

test("a pull that the network broke keeps complete files for the next one, and a pull of wrong bytes keeps nothing", async () => {
  await pushBundle(bundle, direct());
  const target = join(root, "pulled");
  const digest = `sha256:${await hashFile(join(bundle, "decoder.onnx"))}`;
  registry.harm = (name) => (name === digest ? "cut" : undefined);
  await expect(pullBundle(direct(), target)).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE" });
  expect((await readdir(root)).sort()).toEqual(["bundle", "pulled.partial"]);
  registry.harm = () => undefined;
  await pullBundle(direct(), target);
  expect((await readdir(root)).sort()).toEqual(["bundle", "pulled"]);
  registry.blobs.set(digest, Buffer.alloc(700, "x"));
  await expect(pullBundle(direct(), target)).rejects.toMatchObject({ code: "DATA_INVALID" });
  expect((await readdir(root)).sort()).toEqual(["bundle", "pulled"]);
  expect((await verifyDirectory(target)).problems).toEqual([]);
});
