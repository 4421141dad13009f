/** A teacher's directory from another machine can run programs and read variables only if they are allowed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { SILENT } from "@slm/core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { apiFileOf, writeApiFile } from "../api/api-file.js";
import { writeCommandFile } from "../command/command-file.js";
import { teacherConfig } from "../teacher-config.js";
import type { ApiTeacherConfig } from "../api/api-config.js";
import type { CommandTeacherConfig } from "../command/command-config.js";
import { startFakeApi, type FakeApi } from "../test-support/fake-api.test-support.js";
import type { LabellerPermissions } from "./labeller-permissions.js";
import { openLabeller } from "./open-labeller.js";

const VARIABLE = "SLM_TEST_SECRET_OF_WORKER";
const NOTHING: LabellerPermissions = { commands: false, apiKeys: [] };

const root = temporaryFolder();
let api: FakeApi;
beforeAll(async () => {
  api = await startFakeApi(() => ({
    choices: [{ index: 0, message: { role: "assistant", content: "A" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  }));
});
afterAll(async () => {
  await api.close();
});

const ask = async (directory: string, permissions: LabellerPermissions): Promise<unknown> => {
  const { signal } = new AbortController();
  const answersDirectory = join(directory, "answers");
  const labeller = await openLabeller(directory, { progress: SILENT, permissions, answersDirectory });
  const answers = await labeller!.answer(["a"], { signal });
  await labeller!.close();
  return answers;
};

test("a job with command.json runs its program only with --allow-command", async () => {
  const directory = join(root, "command");
  const mark = join(root, "it-ran");
  const script = `require("fs").writeFileSync(${JSON.stringify(mark)}, ""); process.stdin.on("data", () => console.log('{"target":"A"}'))`;
  const command = [process.execPath, "-e", script];
  const config = teacherConfig.parse({ kind: "command", command }) as CommandTeacherConfig;
  await writeCommandFile(directory, config);
  await expect(ask(directory, NOTHING)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    suggestions: [expect.stringContaining("--allow-command")],
  });
  expect(existsSync(mark)).toBe(false);
  expect(await ask(directory, { ...NOTHING, commands: true })).toMatchObject([{ target: "A" }]);
  expect(existsSync(mark)).toBe(true);
});

test("a job with api.json reads a variable only if it is allowed for the server", async () => {
  vi.stubEnv(VARIABLE, "sk-secret-of-the-worker");
  const directory = join(root, "api");
  const settings = { kind: "api", baseUrl: api.baseUrl, model: "m", apiKeyEnv: VARIABLE };
  await writeApiFile(directory, apiFileOf(teacherConfig.parse(settings) as ApiTeacherConfig, []));
  const { origin, port } = new URL(api.baseUrl);
  for (const apiKeys of [
    [],
    [{ name: VARIABLE, origin: "https://api.example" }],
    [{ name: VARIABLE, origin: `https://127.0.0.1:${port}` }],
    [{ name: "ANOTHER_KEY", origin }],
  ])
    await expect(ask(directory, { commands: true, apiKeys })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/may not send the key of the variable/u) as string,
    });
  expect(api.calls).toEqual([]);
  expect(await ask(directory, { commands: false, apiKeys: [{ name: VARIABLE, origin }] })).toMatchObject([
    { target: "A" },
  ]);
  expect(api.calls).toHaveLength(1);
});
