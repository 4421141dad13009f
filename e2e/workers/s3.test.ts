/** Shared storage in a bucket of an S3-compatible server on loopback, which `npm run e2e:workers` starts. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { openStore, SharedFiles, type ObjectStore } from "@slm/extension-workers";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { required } from "../slm-process.js";
import { cacheContents, copyWithoutCache, words, writeRun } from "./cache-run.js";
import { startRedis } from "./redis-server.js";
import { cacheAlone, cacheWith, startWorker } from "./worker-process.js";

const SECRET = "a-secret-for-these-tests";
const BUCKET = "shared";
const variables = {
  AWS_ENDPOINT_URL_S3: required("SLM_TEST_S3", "e2e:workers"),
  AWS_ACCESS_KEY_ID: "tests",
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_REGION: "us-east-1",
};

const root = temporaryFolder();
let client: S3Client;
let store: ObjectStore;
const at = (...names: readonly string[]): string => join(root, ...names);

beforeAll(async () => {
  client = new S3Client({
    endpoint: variables.AWS_ENDPOINT_URL_S3,
    region: variables.AWS_REGION,
    forcePathStyle: true,
    credentials: { accessKeyId: variables.AWS_ACCESS_KEY_ID, secretAccessKey: SECRET },
  });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
});
beforeEach(() => {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
});
afterAll(() => {
  client.destroy();
});

const keys = async (): Promise<readonly (string | undefined)[]> =>
  ((await client.send(new ListObjectsV2Command({ Bucket: BUCKET }))).Contents ?? []).map(({ Key }) => Key);

describe(openStore, () => {
  test("keeps files of several pieces in a bucket, and removes a run with more objects than a page lists", async () => {
    store = await openStore(`s3://${BUCKET}/below/this`);
    const files = new SharedFiles(store, "cache-0123456789abcdef");
    const large = randomBytes(33 * 1024 * 1024);
    const ref = await files.putBytes(large);
    expect(await keys()).toContain(`below/this/cache-0123456789abcdef/lists/${ref.sha256}`);
    await files.getFile(ref, at("copy"));
    expect((await readFile(at("copy"))).equals(large)).toBe(true);
    expect(await store.get("nothing")).toBeUndefined();
    expect(await store.has("nothing")).toBe(false);
    for (let piece = 0; piece < 1005; piece++) await store.put(`${files.run}/pieces/${piece}`, Buffer.of(1));
    await store.put("other/kept", Buffer.of(1));
    await files.remove();
    expect(await keys()).toEqual(["below/this/other/kept"]);
    await store.removeFolder("other");
    store.close();
  });

  test("refuses bytes that were changed in the bucket", async () => {
    store = await openStore(`s3://${BUCKET}`);
    const files = new SharedFiles(store, "cache-0123456789abcdef");
    const ref = await files.putBytes(Buffer.from("abc"));
    const Key = `${files.run}/pieces/${ref.sha256}`;
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: "abd" }));
    await expect(files.getBytes(ref)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await files.remove();
    store.close();
  });

  test("says which bucket it cannot open, without the credentials", async () => {
    const opening = openStore("s3://missing/prefix");
    await expect(opening).rejects.toMatchObject({
      code: "INPUT_MISSING",
      message: expect.stringContaining("s3://missing/prefix") as string,
    });
    await expect(opening).rejects.not.toThrow(SECRET);
  });
});

test("slm teacher cache --workers --storage s3://... gives the bytes of one machine and leaves an empty bucket", async () => {
  const redis = await startRedis(at("redis"));
  const recipe = await writeRun(at("rows"), words(6000, 1));
  await cacheAlone(recipe, at("alone"));
  const [run, scratch, storage] = [at("run"), at("scratch"), `s3://${BUCKET}/run`];
  await mkdir(scratch);
  await copyWithoutCache(at("alone"), run);
  const worker = startWorker(redis, { storage, scratch }, variables);
  try {
    const { exitCode, stderr } = await cacheWith(redis, { recipe, run, storage }, variables);
    expect(exitCode, stderr).toBe(0);
    expect(await cacheContents(run)).toEqual(await cacheContents(at("alone")));
    expect(await keys()).toEqual([]);
    expect(stderr + worker.output()).not.toContain(SECRET);
  } finally {
    worker.process.kill("SIGKILL");
    await worker.ended;
    await redis.stop();
  }
});
