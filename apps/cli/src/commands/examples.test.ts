import { SLM_VERSION } from "@slm/core";
import { METRIC_NAMES } from "@slm/metrics";
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

  test("both check the recipe's gate, size and speed, and keep bundle, reports and unfinished work", async () => {
    for (const [name, ...kept] of [
      ["github-actions.yml", "if: always()"],
      ["gitlab-ci.yml", "when: always"],
    ] as const) {
      const text = await readFile(new URL(name, folder), "utf8");
      for (const part of ["bytes<=", "tokensPerSecond>=", "model.slm", "report.html", "--to oci", ...kept])
        expect(text).toContain(part);
      // No metric, because the recipe names it.
      for (const metric of METRIC_NAMES) expect(text).not.toContain(`${metric}<=`);
    }
  });

  test("both install this version", async () => {
    for (const name of ["github-actions.yml", "gitlab-ci.yml"])
      expect(await readFile(new URL(name, folder), "utf8")).toContain(`SLM: "@encdec/slm@${SLM_VERSION}"`);
  });
});
