import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { verifyBundle } from "@slm/deploy";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { STUDENT_NAMES, studentNamed } from "@slm/slm/students/students";
import { runCommand } from "../testing/run-command.js";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
/** A module that makes every connection of the process an error. */
const NO_CONNECTIONS = `data:text/javascript,${encodeURIComponent(
  'import net from "node:net"; net.Socket.prototype.connect = () => { throw new Error("connected"); };',
)}`;
/** Dates that were typed by hand, not drawn from the rows. */
const DATES: readonly (readonly [text: string, iso: string])[] = [
  ["the 3rd of May '07", "2007-05-03"],
  ["3 May 2007", "2007-05-03"],
  ["May 3rd", "--05-03"],
  ["2007/5/3", "2007-05-03"],
  ["martes, 5 de marzo de 2024", "2024-03-05"],
  ["Monday, 3 March 2025", "2025-03-03"],
  ["5. Februar 1999", "1999-02-05"],
  ["1er janvier 2030", "2030-01-01"],
];

const answer = z.object({
  schemaVersion: z.literal(1),
  command: z.literal("try"),
  result: z.object({
    student: z.string(),
    prompt: z.string(),
    text: z.string(),
    confidence: z.number().min(0).max(1),
    next: z.array(z.object({ purpose: z.string(), command: z.string() })),
  }),
});

async function tried(...argv: readonly string[]): Promise<z.infer<typeof answer>["result"]> {
  const { json, exitCode } = await runCommand("try", [...argv, "--json"]);
  expect(exitCode).toBe(0);
  return answer.parse(json).result;
}

describe("slm try", () => {
  test("lists the students and how to try them", async () => {
    const { stdout, exitCode } = await runCommand("try", []);
    expect(exitCode).toBe(0);
    for (const name of STUDENT_NAMES) expect(stdout).toContain(studentNamed(name).command);
    expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  test("answers its example without a text, and says what to do next", async () => {
    const { prompt, text, next } = await tried("g2p");
    expect(prompt).toBe("constantinople");
    expect(text).toMatch(/^K AA N S T AE N T/);
    expect(next.map(({ command }) => command)).toContain("slm init --data rows.csv");
  });

  test.each(DATES)("dates: %s", async (text, iso) => {
    expect((await tried("dates", text)).text).toBe(iso);
  });

  test("rejects other names, and texts that are too long", async () => {
    expect((await runCommand("try", ["g2", "--json"])).exitCode).toBe(2);
    expect((await runCommand("try", ["../g2p", "--json"])).exitCode).toBe(2);
    expect((await runCommand("try", ["g2p", "a".repeat(41), "--json"])).exitCode).toBe(65);
    expect((await runCommand("try", ["dates", "1 May ".repeat(20_000), "--json"])).exitCode).toBe(65);
  });

  test.each(STUDENT_NAMES)("the bundle of %s is what its manifest says", async (name) => {
    expect((await verifyBundle(studentNamed(name).directory)).problems).toEqual([]);
  });
});

describe("slm try in a process of its own", () => {
  test.each([
    ["g2p", "constantinople", /^K AA N S T AE N T/],
    ["dates", "the 3rd of May '07", /^2007-05-03$/],
  ])(
    "%s answers '%s' and opens no connection; standard output is the answer alone",
    async (name, text, expected) => {
      const argv = ["--import", NO_CONNECTIONS, join(root, "apps/cli/bin/run.js"), "try", name, text];
      const { stdout, stderr } = await promisify(execFile)(process.execPath, argv);
      expect(stdout.trimEnd()).toMatch(expected);
      expect(stderr).toContain("slm init --data rows.csv");
    },
  );
});
