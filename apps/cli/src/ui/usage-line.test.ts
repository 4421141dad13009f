import type { Command } from "@oclif/core";
import { describe, expect, test } from "vitest";
import { commands } from "../commands.js";
import { usageLine } from "./usage-line.js";

type Loadable = Pick<Command.Loadable, "args" | "flags" | "strict">;

/** A command as oclif passes it to help, with the names of arguments and flags filled in. */
function loadable(id: string): Loadable {
  const { args, baseFlags, flags, strict } = commands[id]!;
  const named = (fields: object): object =>
    Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name, { ...(field as object), name }] as const),
    );
  return { args: named(args), flags: named({ ...baseFlags, ...flags }), strict } as Loadable;
}
const lineOf = (id: string): string => usageLine(loadable(id));

describe(usageLine, () => {
  test("shows arguments, required flags, other flags, and flags of every command last", () => {
    expect(lineOf("gate")).toBe(
      "RUN [--limit <figure<=number>...] [--summary <file>] [--base <run>] [--quiet | --events] [--debug]",
    );
  });

  test("puts flags into one pair of brackets only if each excludes every other", () => {
    const line = lineOf("generate");
    expect(line).toContain("[--beams <n> | --temperature <x>]");
    expect(line).toContain("[--json-schema <file>] ");
  });

  test.each(Object.keys(commands))("of slm %s contains every flag once", (id) => {
    const cached = loadable(id);
    const line = usageLine(cached);
    expect(line).not.toMatch(/\| *\||\[ *\||\| *\]|\[\[/);
    const shown = Object.values(cached.flags).filter(({ hidden }) => hidden !== true);
    for (const { name, char } of shown) {
      const text = char === undefined ? `--(?:\\[no-\\])?${name}(?![\\w-])` : `(?<!\\S|-)\\[?-${char}(?!\\w)`;
      expect(line.match(new RegExp(text, "g")), `${name} in ${line}`).toHaveLength(1);
    }
  });
});
