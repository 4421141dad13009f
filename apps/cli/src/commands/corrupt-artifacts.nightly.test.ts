/** Every command that reads an artifact detects a wrong bit in any of its files, and so does a run. */
import { generateKeyPairSync } from "node:crypto";
import { createRandom } from "@slm/generation";
import { cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";
import { writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const root = temporaryFolder();
let recipe = "";
let out = "";
beforeAll(async () => {
  out = join(root, "run");
  recipe = await writeTinyRecipe(root);
  const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
  if (exitCode !== 0) throw new Error(stderr);
});

const { next } = createRandom(7);

/** Changes one random bit of a file, and returns a function that restores it. */
async function flip(path: string): Promise<() => Promise<void>> {
  const bytes = await readFile(path);
  const corrupt = Buffer.from(bytes);
  corrupt[Math.floor(next() * bytes.length)]! ^= 1 << Math.floor(next() * 8);
  await writeFile(path, corrupt);
  return () => writeFile(path, bytes);
}

/** Files of a directory and its subdirectories. */
async function filesOf(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory, { recursive: true });
  const found = await Promise.all(
    names.map(async (name) => ((await stat(join(directory, name))).isFile() ? [name] : [])),
  );
  return found.flat();
}

const COMMANDS: readonly (readonly [
  name: string,
  stage: string,
  argv: (model: string) => readonly string[],
])[] = [
  ["generate", "deploy", (model) => [model, "--prompt", "ab"]],
  ["generate", "distill", (model) => [model, "--prompt", "ab"]],
  ["generate", "quantize/int8", (model) => [model, "--prompt", "ab"]],
  ["eval", "deploy", (model) => [model, "--data", join(root, "test.jsonl"), "--metrics", "per"]],
  ["bench", "quantize", (model) => [model, "--runs", "2", "--prompt", "ab"]],
  ["serve", "deploy", (model) => [model, "--port", "0"]],
  ["export", "distill", (model) => [model, "-o", join(root, "made")]],
  ["quantize", "export", (model) => [model, "--scheme", "int8-dynamic", "-o", join(root, "made")]],
  ["deploy", "quantize", (model) => [model, "-o", join(root, "made")]],
  ["deploy", "deploy", (model) => [model, "-o", join(root, "made")]],
  ["teacher:eval", "teacher", (model) => [model, "--data", join(root, "test.jsonl"), "--metrics", "per"]],
];

test.each(COMMANDS)(
  "slm %s of %s detects a wrong bit in each of its files",
  async (command, stage, argv) => {
    const model = join(out, stage);
    const files = await filesOf(model);
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      const restore = await flip(join(model, file));
      const { exitCode, json } = await runCommand(command, [...argv(model), "--json"]);
      await restore();
      expect([exitCode, json], file).toMatchObject([65, { error: { code: "DATA_INVALID" } }]);
      expect(JSON.stringify(json), file).toContain(file.split("/").at(-1));
    }
  },
  120_000,
);

describe("slm run", () => {
  test.each(["data", "tokenizer", "teacher", "distill", "export", "quantize", "deploy"])(
    "repeats the stage of a corrupt %s, says so, and skips the others",
    async (stage) => {
      for (const file of (await filesOf(join(out, stage))).slice(0, 3)) {
        const before = await readFile(join(out, stage, file));
        await flip(join(out, stage, file));
        const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
        expect(exitCode, stderr).toBe(0);
        expect(stderr).toContain("the stage runs again");
        if (!/manifest|metrics|report|events/u.test(file))
          expect((await readFile(join(out, stage, file))).equals(before), file).toBe(true);
      }
      const { json } = await runCommand("run", [recipe, "--out", out, "--json"]);
      expect(JSON.stringify(json)).not.toContain('"ran"');
    },
    240_000,
  );

  test.each(["distill", "export", "quantize"])(
    "--from deploy does not accept a corrupt %s",
    async (stage) => {
      for (const file of await filesOf(join(out, stage))) {
        const restore = await flip(join(out, stage, file));
        const { exitCode, json } = await runCommand("run", [
          recipe,
          "--out",
          out,
          "--from",
          "deploy",
          "--json",
        ]);
        await restore();
        expect([exitCode, json], file).toMatchObject([65, { error: { code: "DATA_INVALID" } }]);
      }
    },
    120_000,
  );
});

describe("--key", () => {
  test("answers only from a bundle that was signed with the key", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const [secret, key] = [join(root, "key.pem"), join(root, "key.pub.pem")];
    await writeFile(secret, privateKey.export({ type: "pkcs8", format: "pem" }));
    await writeFile(key, publicKey.export({ type: "spki", format: "pem" }));
    const signed = join(root, "signed");
    await runCommand("deploy", [join(out, "deploy"), "-o", signed, "--sign", secret]);
    await runCommand("deploy", [signed, "-o", `${signed}.slm`]);
    const ask = (model: string): Promise<{ exitCode: number; json: unknown }> =>
      runCommand("generate", [model, "--prompt", "ab", "--key", key, "--json"]);
    expect((await ask(signed)).exitCode).toBe(0);
    expect((await ask(`${signed}.slm`)).exitCode).toBe(0);
    for (const model of ["deploy", "distill"])
      expect(await ask(join(out, model))).toMatchObject({
        exitCode: 3,
        json: { error: { code: "GATE_FAILED" } },
      });
    // A changed file with a matching manifest is detected by the signature only.
    const forged = join(root, "forged");
    await cp(join(out, "deploy"), forged, { recursive: true });
    await cp(join(signed, "manifest.sig.json"), join(forged, "manifest.sig.json"));
    await writeFile(
      join(forged, "manifest.json"),
      (await readFile(join(signed, "manifest.json"), "utf8")).replace('"seed": ', '"seed":  '),
    );
    expect((await ask(forged)).exitCode).not.toBe(0);
  });
});
