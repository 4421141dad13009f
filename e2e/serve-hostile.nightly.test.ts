/** A short run of the command that measures the effect of hostile clients of `slm serve` on others. */
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";

const COMMAND = join(import.meta.dirname, "hostile", "serve-hostile.mjs");

interface Report {
  readonly loop: {
    readonly kinds: Readonly<Record<string, { readonly asked: number; readonly failed: number }>>;
  };
  readonly company: {
    readonly hostileStatuses: Readonly<Record<string, Readonly<Record<string, number>>>>;
    readonly story: string;
  };
  readonly pass: Readonly<Record<string, Readonly<Record<string, boolean>>>>;
}

/** Time and memory limits apply only to an otherwise idle machine. */
const OF_A_QUIET_MACHINE = new Set([
  "worst /health at most 100 ms",
  "p99 at most twice",
  "memory within 20 %",
]);

test("hostile clients of every kind get rejections, others right answers, and nobody an answer of 500", async () => {
  const options = {
    only: "loop,company,hosts",
    kinds: "spaces,numbers,nested,referenceChain,image",
    seconds: "0.5",
    grace: "3",
    connections: "8",
    hostile: "40",
  };
  const argv = Object.entries(options).map(([key, value]) => `--${key}=${value}`);
  const { stdout, stderr, exitCode } = await execa(process.execPath, [COMMAND, ...argv], { reject: false });
  expect([0, 3], stderr).toContain(exitCode);
  const { loop, company, pass } = JSON.parse(stdout) as Report;
  const broken = Object.values(pass)
    .flatMap((part) => Object.entries(part))
    .filter(([limit, isKept]) => !isKept && !OF_A_QUIET_MACHINE.has(limit));
  expect(broken, stdout).toEqual([]);
  // Every kind was sent, and other requests ran meanwhile.
  expect(Object.keys(company.hostileStatuses).length).toBeGreaterThan(25);
  expect(Object.values(loop.kinds).every(({ asked, failed }) => asked > 0 && failed === 0)).toBe(true);
  expect(company.story).not.toContain("UNEXPECTED");
}, 240_000);
