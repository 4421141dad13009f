import { verifyDirectory } from "@slm/artifact";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { writeForeignModel } from "../testing/foreign-model.js";
import { runCommand } from "../testing/run-command.js";

const GGUF = fileURLToPath(
  new URL("../../../../packages/learn/gguf/fixtures/tiny-llama.gguf", import.meta.url),
);
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-sources-"));
  vi.stubEnv("HF_HUB_CACHE", join(root, "hub"));
  vi.stubEnv("HF_HUB_OFFLINE", "1");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

const teacher = (source: string): ReturnType<typeof runCommand> =>
  runCommand("teacher:import", [source, "-o", join(root, "teacher"), "--json"]);

/** The cache of the hub with one model in it, every file a link into another directory. */
async function cacheModel(): Promise<void> {
  const folder = join(root, "hub", "models--acme--tiny");
  await writeForeignModel(join(folder, "blobs"), "smollm2");
  await mkdir(join(folder, "snapshots", COMMIT), { recursive: true });
  for (const name of await readdir(join(folder, "blobs"))) {
    await symlink(join("..", "..", "blobs", name), join(folder, "snapshots", COMMIT, name));
  }
}

describe("teacher import", () => {
  test("of a GGUF file writes a checkpoint with its tokenizer", async () => {
    const { exitCode, json } = await teacher(GGUF);
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { vocab: 20, architecture: "LlamaForCausalLM", source: GGUF } },
    ]);
    expect((await verifyDirectory(join(root, "teacher"))).problems).toEqual([]);
    const generated = await runCommand("generate", [join(root, "teacher"), "--prompt", "abc", "--json"]);
    expect(generated.exitCode).toBe(0);
  }, 60_000);

  test("of a damaged GGUF file says what is wrong with it", async () => {
    const file = join(root, "damaged.gguf");
    await cp(fileURLToPath(import.meta.url), file);
    const { exitCode, json } = await teacher(file);
    expect([exitCode, json]).toMatchObject([65, { error: { code: "DATA_INVALID" } }]);
  });

  test("of a hub id reads the cache, whose files are links", async () => {
    await cacheModel();
    const { exitCode, json } = await teacher(`acme/tiny@${COMMIT}`);
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { vocab: 80, hub: { repo: "acme/tiny", revision: COMMIT, commit: COMMIT } } },
    ]);
  });

  test("of a hub id that is not in the cache names the missing file and the command that fetches it", async () => {
    const { exitCode, json } = await teacher("acme/tiny");
    expect([exitCode, json]).toMatchObject([
      66,
      {
        error: {
          code: "INPUT_MISSING",
          context: { missing: "config.json" },
          suggestions: ["HF_HUB_OFFLINE=0 slm teacher import acme/tiny -o DIR", expect.anything()],
        },
      },
    ]);
  });

  test("of nothing says that there is nothing", async () => {
    const { exitCode, json } = await teacher(join(root, "no", "such"));
    expect([exitCode, json]).toMatchObject([66, { error: { code: "INPUT_MISSING" } }]);
  });
});
