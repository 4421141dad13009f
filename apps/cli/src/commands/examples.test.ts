import { SLM_VERSION } from "@slm/core";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { commands } from "../commands.js";
import { SlmCommand } from "../ui/slm-command.js";

const folder = new URL("../../../../docs/pipelines/", import.meta.url);

/** Every text of a YAML document. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

describe("docs/pipelines", () => {
  test.each(["github-actions.yml", "gitlab-ci.yml"])(
    "%s calls existing commands with existing flags",
    async (name) => {
      const texts = textsOf(parse(await readFile(new URL(name, folder), "utf8")));
      const calls = texts.flatMap((text) => [...text.matchAll(/npx --no-install slm ([a-z]+)([^\n>|]*)/g)]);
      expect(new Set(calls.map(([, command]) => command))).toEqual(
        new Set(
          name.startsWith("git") && name.includes("lab")
            ? ["run", "gate", "deploy", "verify"]
            : ["run", "gate", "deploy"],
        ),
      );
      for (const [call, id = "", rest = ""] of calls) {
        const known = { ...SlmCommand.baseFlags, ...commands[id]!.flags, json: true };
        const flags = [...rest.matchAll(/--([a-z-]+)/g)].map(([, flag = ""]) => flag);
        for (const flag of flags) expect(Object.keys(known), call).toContain(flag);
      }
    },
  );

  test("both install this version", async () => {
    for (const name of ["github-actions.yml", "gitlab-ci.yml"])
      expect(await readFile(new URL(name, folder), "utf8")).toContain(`SLM: "@encdec/slm@${SLM_VERSION}"`);
  });
});

/** Lines of the shell blocks of a page, without prompts and comments. */
function shellLines(markdown: string): readonly string[] {
  const blocks = [...markdown.matchAll(/```(sh|console)\n([^]*?)```/g)];
  return blocks.flatMap(([, kind, block = ""]) => {
    const lines = block.split("\n");
    const typed = kind === "sh" ? lines : lines.filter((line) => line.startsWith("$ "));
    return typed.map((line) =>
      line
        .replace(/^\$ /u, "")
        .replace(/\s+#.*$/u, "")
        .trim(),
    );
  });
}

/** What a line passes to slm; undefined for a line of another program. */
const slmCall = (line: string): string | undefined =>
  /^(?:npx --no-install slm|npm run --silent slm --|slm) (.*)$/u.exec(line)?.[1];

describe.each(["README.md", "tools/package/README.md"])("%s", (name) => {
  const root = new URL("../../../../", import.meta.url);
  const read = async (path: string): Promise<string> => readFile(new URL(path, root), "utf8");

  test("calls commands and flags that there are", async () => {
    const calls = shellLines(await read(name)).flatMap((line) => slmCall(line) ?? []);
    expect(calls.length).toBeGreaterThan(1);
    for (const call of calls) {
      if (call.startsWith("--")) continue; // --help
      const words = call.split(" ");
      const id = [words.slice(0, 2).join(":"), words[0]!].find((one) => one in commands);
      expect(id, call).toBeDefined();
      const known = { ...SlmCommand.baseFlags, ...commands[id!]!.flags, json: true };
      for (const [, flag = ""] of call.matchAll(/--([a-z-]+)/g))
        expect(Object.keys(known), call).toContain(flag);
    }
  });

  test("names recipes and scripts that there are", async () => {
    const lines = shellLines(await read(name));
    const recipes = lines.flatMap((line) => line.match(/configs\/\S+/gu) ?? []);
    for (const path of recipes) expect(await read(path), path).toContain("data:");
    const { scripts } = JSON.parse(await read("package.json")) as {
      scripts: Readonly<Record<string, string>>;
    };
    for (const line of lines) {
      const [, script] = /^npm run (?:--silent )?([a-z:-]+)/u.exec(line) ?? [];
      if (script !== undefined) expect(Object.keys(scripts), line).toContain(script);
    }
  });
});
