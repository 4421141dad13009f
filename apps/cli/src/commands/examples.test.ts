import type { Command } from "@oclif/core";
import { SLM_VERSION } from "@slm/core";
import { repository, repositoryFiles } from "@slm/core/testing";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { commands } from "../commands.js";
import { commandNamed } from "../testing/run-command.js";
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
        for (const [, flag = ""] of rest.matchAll(/--([a-z-]+)/g))
          expect(flagsOf(commands[id]!), call).toContain(flag);
      }
    },
  );

  test("both install this version", async () => {
    for (const name of ["github-actions.yml", "gitlab-ci.yml"])
      expect(await readFile(new URL(name, folder), "utf8")).toContain(`SLM: "@encdec/slm@${SLM_VERSION}"`);
  });
});

const read = async (path: string): Promise<string> => readFile(join(repository, path), "utf8");

/** Pages that people read now: the others say what was. */
const pages = repositoryFiles("*.md").filter(
  (page) => !/^(CHANGELOG\.md|docs\/(log\.md|decisions\/))/u.test(page),
);

/** Commands of the shell blocks of a page, without prompts and comments. A line that goes on is joined with the next. */
function shellLines(markdown: string): readonly string[] {
  const blocks = [...markdown.matchAll(/```(sh|console)\n([^]*?)```/g)];
  return blocks.flatMap(([, kind, block = ""]) => {
    const lines = block.replaceAll(/\\\n/gu, " ").split("\n");
    const typed = kind === "sh" ? lines : lines.filter((line) => line.startsWith("$ "));
    return typed.flatMap((line) =>
      line
        .replace(/^\$ /u, "")
        .replace(/\s+#.*$/u, "")
        .split(" && ")
        .map((command) => command.trim()),
    );
  });
}

/** Code in a line of text. */
const codeSpans = (markdown: string): readonly string[] =>
  [...markdown.replaceAll(/```[^]*?```/gu, "").matchAll(/`([^`\n]+)`/gu)].map(([, code = ""]) => code);

/** What a line passes to slm; undefined for a line of another program. */
const slmCall = (line: string): string | undefined =>
  /^(?:npx --no-install slm|npm run --silent slm --|slm) ([a-z].*)$/u.exec(line)?.[1];

/** A command's flags, `--no-` forms included. */
function flagsOf(command: Command.Class): readonly string[] {
  const flags = { ...SlmCommand.baseFlags, ...command.flags };
  const negated = Object.entries(flags).filter(([, flag]) => "allowNo" in flag && flag.allowNo);
  return ["help", "json", ...Object.keys(flags), ...negated.map(([name]) => `no-${name}`)];
}

/** What a page passes to slm, in shell blocks and in the text. */
const callsOf = (markdown: string): readonly string[] =>
  [...shellLines(markdown), ...codeSpans(markdown)].flatMap((line) => slmCall(line) ?? []);

test.each(pages)("%s calls slm with commands and flags that there are", async (page) => {
  for (const call of callsOf(await read(page))) {
    const [first = "", second = ""] = call.split(" ");
    if (first === "autocomplete" || first === "help") continue; // of oclif
    const command = commandNamed(`${first}:${second}`) ?? commandNamed(first);
    expect(command, call).toBeDefined();
    for (const [, flag = ""] of call.matchAll(/ --([a-z][a-z0-9-]*)/g))
      expect(flagsOf(command!), call).toContain(flag);
  }
});

test.each(["README.md", "tools/package/README.md"])(
  "%s calls slm, and names recipes and scripts that there are",
  async (page) => {
    const lines = shellLines(await read(page));
    expect(lines.filter((line) => slmCall(line) !== undefined).length).toBeGreaterThan(1);
    const recipes = lines.flatMap((line) => line.match(/configs\/\S+/gu) ?? []);
    for (const path of recipes) expect(await read(path), path).toContain("data:");
    const { scripts } = JSON.parse(await read("package.json")) as {
      scripts: Readonly<Record<string, string>>;
    };
    for (const line of lines) {
      const [, script] = /^npm run (?:--silent )?([a-z:-]+)/u.exec(line) ?? [];
      if (script !== undefined) expect(Object.keys(scripts), line).toContain(script);
    }
  },
);
