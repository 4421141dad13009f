import { Flags } from "@oclif/core";
import { GateFailed, SlmError } from "@slm/core/errors";
import { afterEach, describe, expect, test, vi } from "vitest";
import { SlmCommand } from "./slm-command.js";
import { runCommand } from "../testing/run-command.js";

interface Report {
  readonly text: string;
}

const report: Report = { text: "result" };

/** Runs a function of the test. */
class ProbeCommand extends SlmCommand<Report> {
  static override id = "probe";
  static override flags = { size: Flags.integer({ min: 1 }) };
  static body: (signal: AbortSignal) => Promise<Report> = () => Promise.resolve(report);

  protected override async execute(): Promise<Report> {
    await this.parse(ProbeCommand);
    this.context(1).progress({ stage: "probe", step: 1, total: 2 });
    return ProbeCommand.body(this.signal);
  }

  protected override lines({ text }: Report): readonly string[] {
    return [text, "runs/x"];
  }
}

const failWith = (error: unknown): void => {
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what a careless library may throw
  ProbeCommand.body = () => Promise.reject(error);
};

afterEach(() => {
  ProbeCommand.body = () => Promise.resolve(report);
});

describe(SlmCommand, () => {
  test("prints one envelope with --json, and nothing else on stdout", async () => {
    const { json, exitCode, stderr } = await runCommand(ProbeCommand, ["--json"]);
    expect(json).toEqual({ schemaVersion: 1, command: "probe", result: { text: "result" } });
    expect(exitCode).toBe(0);
    expect(stderr).toContain("probe  step 1/2");
  });

  test("prints the artifact's path last in text mode", async () => {
    const { stdout } = await runCommand(ProbeCommand, []);
    expect(stdout).toBe("result\nruns/x\n");
  });

  test("--quiet hides progress", async () => {
    expect((await runCommand(ProbeCommand, ["--quiet"])).stderr).toBe("");
  });

  test.each([
    [
      "an SlmError",
      new SlmError("OUTPUT_FAILED", "disk full", { context: { path: "a" }, suggestions: ["slm doctor"] }),
      74,
      "OUTPUT_FAILED",
    ],
    ["an exception", new TypeError("x is not a function"), 70, "UNEXPECTED"],
    ["something that is no Error", "just text", 70, "UNEXPECTED"],
    ["an error without a message", new Error(""), 70, "UNEXPECTED"],
    ["a failed gate", new GateFailed("too slow", report), 3, "GATE_FAILED"],
  ])("ends with the same exit code in both modes for %s", async (_name, error, exit, code) => {
    failWith(error);
    const inText = await runCommand(ProbeCommand, []);
    const inJson = await runCommand(ProbeCommand, ["--json"]);
    expect([inText.exitCode, inJson.exitCode]).toEqual([exit, exit]);
    expect(inText.stderr).toContain(`Error (${code}): `);
    expect(inJson.json).toMatchObject({ schemaVersion: 1, command: "probe", error: { code } });
  });

  test("shows name, code, message, context and suggestions of an error, and no stack", async () => {
    failWith(
      new SlmError("INPUT_MISSING", "no such file: a", {
        context: { path: "a", big: 3n },
        suggestions: ["slm run R"],
        cause: new Error("inner"),
      }),
    );
    expect((await runCommand(ProbeCommand, ["--json"])).json).toEqual({
      schemaVersion: 1,
      command: "probe",
      error: {
        name: "SlmError",
        code: "INPUT_MISSING",
        message: "no such file: a",
        context: { path: "a", big: "3" },
        suggestions: ["slm run R"],
      },
    });
    const text = await runCommand(ProbeCommand, ["--quiet"]);
    expect(text.stderr).toBe("Error (INPUT_MISSING): no such file: a\nTry this:\n  slm run R\n");
    expect((await runCommand(ProbeCommand, ["--debug"])).stderr).toMatch(/inner\n +at /);
  });

  test("a failed gate still has its result, in both modes", async () => {
    failWith(new GateFailed("too slow", report));
    expect((await runCommand(ProbeCommand, ["--json"])).json).toMatchObject({
      result: report,
      error: { code: "GATE_FAILED" },
    });
    expect((await runCommand(ProbeCommand, [])).stdout).toContain("result\n");
  });

  test.each([[["--nope"]], [["--size", "0"]], [["--size", "many"]], [["surplus"]]])(
    "%j is USAGE, exit 2, without the parser's state",
    async (argv) => {
      const inText = await runCommand(ProbeCommand, argv);
      const inJson = await runCommand(ProbeCommand, [...argv, "--json"]);
      expect([inText.exitCode, inJson.exitCode]).toEqual([2, 2]);
      expect(inJson.json).toMatchObject({ error: { code: "USAGE", suggestions: ["slm probe --help"] } });
      expect(inJson.stdout.length).toBeLessThan(600);
      expect(inText.stdout).toBe("");
    },
  );

  test("aborts the stage's signal on SIGTERM and ends with 130", async () => {
    ProbeCommand.body = async (signal) => {
      process.emit("SIGTERM", "SIGTERM");
      await expect.poll(() => signal.aborted).toBe(true);
      signal.throwIfAborted();
      return report;
    };
    // Libraries that release their locks at process exit also listen.
    const before = process.listeners("SIGTERM");
    const { exitCode, json, stderr } = await runCommand(ProbeCommand, ["--json"]);
    expect(exitCode).toBe(130);
    expect(stderr).toContain("SIGTERM: stopping (a second signal stops at once)");
    expect(json).toMatchObject({ error: { code: "INTERRUPTED" } });
    expect(process.listeners("SIGTERM")).toEqual(before);
  });

  test("treats the signal that npx passes on as the terminal's signal", async () => {
    const exit = vi.spyOn(process, "exit").mockImplementation((): never => {
      throw new Error("the process would have ended");
    });
    ProbeCommand.body = (signal) => {
      process.emit("SIGINT", "SIGINT");
      process.emit("SIGINT", "SIGINT");
      signal.throwIfAborted();
      return Promise.resolve(report);
    };
    expect((await runCommand(ProbeCommand, [])).exitCode).toBe(130);
    expect(exit).not.toHaveBeenCalled();
  });

  test("treats an AbortError as an interruption after a signal, and as a bug before", async () => {
    const abort = new DOMException("aborted", "AbortError");
    failWith(abort);
    expect((await runCommand(ProbeCommand, [])).exitCode).toBe(70);
    ProbeCommand.body = () => {
      process.emit("SIGINT");
      return Promise.reject(abort);
    };
    expect((await runCommand(ProbeCommand, [])).exitCode).toBe(130);
  });
});
