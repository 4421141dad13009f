import { Config, type Command } from "@oclif/core";
import { captureOutput } from "@oclif/test";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { EvalCommand } from "./commands/eval.js";
import { VerifyCommand } from "./commands/verify.js";
import { SlmHelp } from "./help.js";

async function helpOf(command: Command.Class): Promise<string> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  // Without the command table, which is in `dist/`.
  const config = await Config.load({ root, pjson: { name: "slm", version: "0.0.0", oclif: { bin: "slm" } } });
  const loadable: Command.Loadable = {
    id: "measure",
    aliases: [],
    args: {},
    flags: {},
    hidden: false,
    hiddenAliases: [],
    load: () => Promise.resolve(command),
  };
  const { stdout, error } = await captureOutput(() => new SlmHelp(config).showCommandHelp(loadable));
  if (error !== undefined) throw error;
  return stdout;
}

describe("the help of a command", () => {
  test("ends with the section that the command adds", async () => {
    const section = await EvalCommand.helpSection();
    expect((await helpOf(EvalCommand)).trimEnd().endsWith(section.join("\n"))).toBe(true);
  });

  test("is oclif's if the command adds none", async () => {
    expect(await helpOf(VerifyCommand)).toContain("USAGE");
  });
});
