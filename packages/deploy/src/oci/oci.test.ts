import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { MANIFEST_FILE, SlmError } from "@slm/core";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TINY_FILES, writeTinyBundle } from "../bundle/tiny-bundle.test-support.js";
import { startMemoryRegistry, type MemoryRegistry } from "./memory-registry.test-support.js";
import { pullBundle } from "./pull.js";
import { pushBundle } from "./push.js";
import { parseOciReference, registryUrl } from "./reference.js";
import { registryCredentials } from "./registry-client.js";

const root = temporaryFolder({ each: true });
let bundle: string;
let registry: MemoryRegistry;

beforeEach(async () => {
  bundle = await writeTinyBundle(join(root, "bundle"));
  registry = await startMemoryRegistry();
});
afterEach(async () => {
  await registry.close();
});

const at = (version: string) => parseOciReference(`${registry.host}/team/model${version}`);

describe(pushBundle, () => {
  test("a pushed bundle is pulled byte for byte, by tag and by digest", async () => {
    const { digest, sent } = await pushBundle(bundle, at(":1.0"));
    expect(sent).toBe(4);
    registry.manifests.set(digest, registry.manifests.get("1.0")!);
    for (const version of [":1.0", `@${digest}`]) {
      const target = join(root, `pulled${version.slice(0, 2)}`);
      expect((await pullBundle(at(version), target)).digest).toBe(digest);
      for (const path of [MANIFEST_FILE, ...Object.keys(TINY_FILES)]) {
        expect(await readFile(join(target, path))).toEqual(await readFile(join(bundle, path)));
      }
    }
  });

  test("sends nothing that the registry has", async () => {
    const first = await pushBundle(bundle, at(":1"));
    const again = await pushBundle(bundle, at(":2"));
    expect([again.sent, again.digest]).toEqual([0, first.digest]);
  });

  test("answers a token challenge with the credentials it was given", async () => {
    registry.token = "t0ken";
    await expect(pushBundle(bundle, at(":1"))).rejects.toMatchObject({ code: "USAGE" });
    await pushBundle(bundle, at(":1"), { credentials: { user: "me", password: "secret" } });
    expect(registry.manifests.has("1")).toBe(true);
  });

  test("says who does not answer", async () => {
    await expect(pushBundle(bundle, parseOciReference("127.0.0.1:1/x/y"))).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringContaining("127.0.0.1:1") as string,
    });
  });
});

describe(pullBundle, () => {
  test("says that the registry has no such repository, tag or digest", async () => {
    await expect(pullBundle(at(":none"), join(root, "x"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("rejects a blob that does not match its digest, and leaves nothing", async () => {
    await pushBundle(bundle, at(":1"));
    const [digest] = [...registry.blobs].find(([, bytes]) => bytes.length === 700)!;
    registry.blobs.set(digest, Buffer.alloc(700, "x"));
    await expect(pullBundle(at(":1"), join(root, "x"))).rejects.toMatchObject({ code: "DATA_INVALID" });
    expect(await readdir(root)).toEqual(["bundle"]);
  });

  test("stops a blob that goes on beyond its size", async () => {
    await pushBundle(bundle, at(":1"));
    const [digest] = [...registry.blobs].find(([, bytes]) => bytes.length === 700)!;
    registry.blobs.set(digest, Buffer.alloc(1 << 20));
    await expect(pullBundle(at(":1"), join(root, "x"))).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("a changed manifest is rejected or results in the same bundle", async () => {
    await pushBundle(bundle, at(":1"));
    const original = registry.manifests.get("1")!.toString();
    const edit = fc.tuple(
      fc.nat({ max: original.length - 1 }),
      fc.constantFrom("", "../", "0", '"', "9999999", "null", "/"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 2 }), async (edits) => {
        const text = edits.reduce(
          (now, [from, put]) => now.slice(0, from) + put + now.slice(from + put.length),
          original,
        );
        registry.manifests.set("1", Buffer.from(text));
        const outcome = await pullBundle(at(":1"), join(root, "x")).then(
          () => "pulled",
          (error: unknown) => (error instanceof SlmError ? error.code : error),
        );
        expect(["pulled", "DATA_INVALID", "INPUT_MISSING"]).toContain(outcome);
        expect(await readdir(root)).toEqual(outcome === "pulled" ? ["bundle", "x"] : ["bundle"]);
        await rm(join(root, "x"), { recursive: true, force: true });
      }),
      { numRuns: 40 },
    );
  });
});

describe(parseOciReference, () => {
  test("tells host, repository, tag and digest apart", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    expect(parseOciReference("localhost:5000/a/b:v1")).toEqual({
      registry: "localhost:5000",
      repository: "a/b",
      version: "v1",
    });
    expect(parseOciReference(`r.example/a@${digest}`)).toEqual({
      registry: "r.example",
      repository: "a",
      version: digest,
      digest,
    });
    expect(parseOciReference("r.example/a").version).toBe("latest");
  });

  test.each(["a", "a/B", "a/b:", "a/b:c d", "a/../b", "h/a@sha256:1", "h:x/a", "/a", "h//a", "user@h/a"])(
    "rejects %s",
    (text) => {
      expect(() => parseOciReference(text)).toThrow(withCode("USAGE"));
    },
  );

  test("speaks TLS to every machine but this one", () => {
    expect(registryUrl(parseOciReference("127.0.0.1:5000/a"))).toBe("http://127.0.0.1:5000");
    expect(registryUrl(parseOciReference("[::1]:5000/a"))).toBe("http://[::1]:5000");
    expect(registryUrl(parseOciReference("127.evil.example/a"))).toBe("https://127.evil.example");
  });
});

describe(registryCredentials, () => {
  test("wants both halves or none", () => {
    expect(registryCredentials({})).toBeUndefined();
    expect(() => registryCredentials({ SLM_REGISTRY_USER: "x" })).toThrow(withCode("USAGE"));
  });
});
