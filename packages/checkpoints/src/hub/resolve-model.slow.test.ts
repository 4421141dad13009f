import { withCode } from "@slm/core/testing";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { resolveCached, resolveModel } from "./resolve-model.js";
import {
  COMMIT,
  gitHash,
  REPO,
  sha256,
  startFakeHub,
  TOKEN,
  type FakeFile,
  type FakeHub,
} from "./testing/fake-hub.test-support.js";

const weights = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251));

const model = (): Record<string, FakeFile> => ({
  "config.json": { content: Buffer.from('{"model_type":"llama"}') },
  "model.safetensors": { content: weights, isLarge: true },
  "README.md": { content: Buffer.from("not needed") },
  "q/tiny one.gguf": { content: Buffer.from("GGUF"), isLarge: true },
});

const folder = ({ cache }: FakeHub): string => join(cache, "models--acme--tiny");
const blob = (hub: FakeHub): string => join(folder(hub), "blobs", sha256(weights));
const downloads = ({ requests }: FakeHub): string[] => requests.filter((line) => line.includes("/resolve/"));

describe("a hub id", () => {
  test("becomes a snapshot in the standard cache: the files of a model, whole and named", async () => {
    const hub = await startFakeHub(model());
    const steps: string[] = [];
    const found = await resolveModel(REPO, { progress: ({ message }) => steps.push(message ?? "") });
    expect(found).toEqual({
      path: join(folder(hub), "snapshots", COMMIT),
      hub: { repo: REPO, revision: "main", commit: COMMIT },
    });
    expect((await readdir(found.path)).sort()).toEqual(["config.json", "model.safetensors"]);
    expect(await readFile(join(found.path, "model.safetensors"))).toEqual(weights);
    expect((await readdir(join(folder(hub), "blobs"))).sort()).toEqual(
      [gitHash(model()["config.json"]!.content), sha256(weights)].sort(),
    );
    expect(await readFile(join(folder(hub), "refs", "main"), "utf8")).toBe(COMMIT);
    expect(new Set(steps)).toEqual(new Set(["config.json", "model.safetensors"]));
  });

  test("is asked for again, but nothing that is there is fetched again", async () => {
    const hub = await startFakeHub(model());
    await resolveModel(REPO);
    const before = downloads(hub).length;
    await resolveModel(REPO);
    expect(downloads(hub)).toHaveLength(before);
  });

  test("with a commit that is there asks the hub for nothing", async () => {
    const hub = await startFakeHub(model());
    await resolveModel(`${REPO}@${COMMIT}`);
    const before = hub.requests.length;
    await resolveModel(`${REPO}@${COMMIT}`);
    expect(hub.requests).toHaveLength(before);
  });

  test("with a file name is only that file", async () => {
    const hub = await startFakeHub(model());
    const { path } = await resolveModel(`hf:${REPO}/q/tiny one.gguf`);
    expect(path).toBe(join(folder(hub), "snapshots", COMMIT, "q/tiny one.gguf"));
    expect(await readFile(path, "utf8")).toBe("GGUF");
    expect(downloads(hub)).toHaveLength(1);
  });
});

describe("a download", () => {
  test("goes on where connections broke, with ranges", async () => {
    const hub = await startFakeHub({ "model.gguf": { content: weights, isLarge: true } });
    hub.breaks = [100_000, 50_000];
    const { path } = await resolveModel(`hf:${REPO}/model.gguf`);
    expect(await readFile(path)).toEqual(weights);
    expect(downloads(hub).map((line) => line.split(" ")[2])).toEqual([
      undefined,
      "bytes=100000-",
      "bytes=150000-",
    ]);
  });

  test("that keeps breaking keeps the received bytes, and a later run fetches only the rest", async () => {
    const hub = await startFakeHub({ "model.gguf": { content: weights, isLarge: true } });
    hub.breaks = [1000, 1000, 1000, 1000, 1000];
    await expect(resolveModel(`hf:${REPO}/model.gguf`)).rejects.toMatchObject({
      code: "INPUT_MISSING",
      message: expect.stringContaining("broke at byte 5000 of 300000") as string,
    });
    expect(await readFile(`${blob(hub)}.incomplete`)).toEqual(weights.subarray(0, 5000));
    const { path } = await resolveModel(`hf:${REPO}/model.gguf`);
    expect(await readFile(path)).toEqual(weights);
    expect(downloads(hub).at(-1)).toContain("bytes=5000-");
  });

  test("starts over where the hub does not honour ranges", async () => {
    const hub = await startFakeHub({ "model.gguf": { content: weights, isLarge: true } });
    hub.honoursRanges = false;
    hub.breaks = [100_000];
    const { path } = await resolveModel(`hf:${REPO}/model.gguf`);
    expect(await readFile(path)).toEqual(weights);
  });

  test.each([true, false])(
    "of other content than listed is rejected and deleted (large: %s)",
    async (isLarge) => {
      const sends = Buffer.from(weights);
      sends[77]! ^= 1;
      const hub = await startFakeHub({ "model.gguf": { content: weights, isLarge, sends } });
      await expect(resolveModel(`hf:${REPO}/model.gguf`)).rejects.toMatchObject({
        code: "DATA_INVALID",
        context: { expected: isLarge ? sha256(weights) : gitHash(weights) },
      });
      expect(await readdir(join(folder(hub), "blobs"))).toEqual([]);
      await expect(readdir(join(folder(hub), "snapshots"))).rejects.toThrow(/ENOENT/);
    },
  );

  test("of more bytes than listed is rejected", async () => {
    const sends = Buffer.concat([weights, weights]);
    await startFakeHub({ "model.gguf": { content: weights, isLarge: true, sends } });
    await expect(resolveModel(`hf:${REPO}/model.gguf`)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("that stops with a signal says so", async () => {
    await startFakeHub(model());
    await expect(resolveModel(REPO, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
  });
});

describe("the hub's rejections", () => {
  test("a token that is needed is asked for, one that is right opens the model", async () => {
    const hub = await startFakeHub(model());
    hub.isGated = true;
    await expect(resolveModel(REPO)).rejects.toMatchObject({
      code: "INPUT_MISSING",
      message: expect.stringContaining("needs an access token") as string,
    });
    vi.stubEnv("HF_TOKEN", "hf_wrong");
    await expect(resolveModel(REPO)).rejects.toThrow(withCode("INPUT_MISSING"));
    vi.stubEnv("HF_TOKEN", TOKEN);
    expect((await resolveModel(REPO)).hub?.commit).toBe(COMMIT);
  });

  test("a token of another kind is rejected without being shown", async () => {
    await startFakeHub(model());
    vi.stubEnv("HF_TOKEN", "secret");
    const failure: unknown = await resolveModel(REPO).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "CONFIG_INVALID" });
    expect(JSON.stringify([failure, (failure as Error).message])).not.toContain("secret");
  });

  test.each([`${REPO}@other`, "acme/other"])("%s does not exist", async (name) => {
    await startFakeHub(model());
    await expect(resolveModel(name)).rejects.toMatchObject({
      code: "INPUT_MISSING",
      context: { status: 404 },
    });
  });

  test("a file that the repository lacks, with those it has", async () => {
    await startFakeHub(model());
    await expect(resolveModel(`hf:${REPO}/other.gguf`)).rejects.toMatchObject({
      code: "INPUT_MISSING",
      suggestions: [`hf:${REPO}/q/tiny one.gguf`],
    });
  });

  test("a repository of GGUF files alone asks to name one", async () => {
    await startFakeHub({ "a.gguf": { content: Buffer.from("GGUF") } });
    await expect(resolveModel(REPO)).rejects.toMatchObject({
      message: expect.stringContaining("1 GGUF files: name one") as string,
      suggestions: [`slm teacher import hf:${REPO}/a.gguf`],
    });
  });

  test("a listing with a path that leaves the cache", async () => {
    await startFakeHub({ "../evil": { content: Buffer.from("x") } });
    await expect(resolveModel(REPO)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("a hub that cannot be reached", async () => {
    await startFakeHub({});
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    await expect(resolveModel(REPO)).rejects.toMatchObject({
      code: "INPUT_MISSING",
      message: expect.stringContaining("http://127.0.0.1:9 cannot be reached") as string,
    });
  });

  test("an endpoint that is not a URL", async () => {
    await startFakeHub({});
    vi.stubEnv("HF_ENDPOINT", "nowhere");
    await expect(resolveModel(REPO)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

describe("offline", () => {
  test("a model that was fetched is found, and the hub is asked for nothing", async () => {
    const hub = await startFakeHub(model());
    const { path } = await resolveModel(REPO);
    const before = hub.requests.length;
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect((await resolveModel(REPO)).path).toBe(path);
    expect(hub.requests).toHaveLength(before);
  });

  test.each(["config.json", "model.safetensors"])(
    "a wrong bit in a cached %s is noticed, and the file is fetched again from the hub",
    async (name) => {
      await startFakeHub(model());
      const { path } = await resolveModel(REPO);
      const file = join(path, name);
      const right = await readFile(file);
      const corrupt = Buffer.from(right);
      corrupt[5]! ^= 4;
      await writeFile(file, corrupt);
      vi.stubEnv("HF_HUB_OFFLINE", "1");
      await expect(resolveModel(REPO)).rejects.toMatchObject({
        code: "DATA_INVALID",
        context: { path: file },
      });
      vi.stubEnv("HF_HUB_OFFLINE", "");
      await resolveModel(REPO);
      expect(await readFile(file)).toEqual(right);
    },
  );

  test("a plan finds cached models, and need not know the others", async () => {
    const hub = await startFakeHub(model());
    expect(await resolveCached(REPO)).toBeUndefined();
    const { path } = await resolveModel(REPO);
    const before = hub.requests.length;
    expect(await resolveCached(REPO)).toMatchObject({ path, hub: { commit: COMMIT } });
    expect(hub.requests).toHaveLength(before);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(resolveCached("acme/other")).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("missing files are named, with the command that fetches them", async () => {
    const hub = await startFakeHub(model());
    vi.stubEnv("HF_HUB_OFFLINE", "yes");
    await expect(resolveModel(REPO)).rejects.toMatchObject({
      code: "INPUT_MISSING",
      context: { missing: "config.json" },
      suggestions: [
        `HF_HUB_OFFLINE=0 slm teacher import ${REPO} -o DIR`,
        `hf download ${REPO} --revision main`,
      ],
    });
    await expect(resolveModel(`hf:${REPO}/q.gguf`)).rejects.toMatchObject({ context: { missing: "q.gguf" } });
    expect(hub.requests).toEqual([]);
  });

  test("a shard that its index names and the cache lacks is missing", async () => {
    const hub = await startFakeHub({});
    const snapshot = join(folder(hub), "snapshots", COMMIT);
    await mkdir(snapshot, { recursive: true });
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    await writeFile(join(snapshot, "config.json"), "{}");
    await writeFile(join(snapshot, shards[0]!), "");
    const index = { weight_map: { a: shards[0], b: shards[1] } };
    await writeFile(join(snapshot, "model.safetensors.index.json"), JSON.stringify(index));
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(resolveModel(`${REPO}@${COMMIT}`)).rejects.toMatchObject({
      context: { missing: shards[1] },
    });
  });
});
