import { SlmError } from "@slm/core/errors";
import type { PluginOffer } from "@slm/runtime-native/plugins";
import { describe, expect, test, vi } from "vitest";
import { acceptLicence } from "./accept-licence.js";
import { errorLines } from "./errors.js";
import { jsonText } from "@slm/core/format";
import { answerFor, printable, printableAnswer } from "@slm/core/format";
import { ProgressReporter } from "./progress-reporter.js";

/** Clears the screen, sets the title, rings the bell, reverses the text direction, hides text. */
const HOSTILE = "a\u001b[2Jb\u001b]0;title\u0007c\u009b1md\u202egpj.exe\u2066\u200e\u200b\r\u007f\u0000";
const DANGEROUS = /[\0-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u202a-\u202e\u2066-\u2069]/u;

describe(printable, () => {
  test("shows unprintable characters as escapes", () => {
    expect(printable("a\u001b[2J\u202eb\r")).toBe(String.raw`a\u001b[2J\u202eb\u000d`);
    expect(printable("two\nlines\tof ünïcode 漢字 👍🏽")).toBe("two\nlines\tof ünïcode 漢字 👍🏽");
  });

  test("keeps direction marks in an answer, because its language needs them", () => {
    expect(printableAnswer("\u200fשלום\u001b[2J")).toBe("\u200fשלום\\u001b[2J");
    expect(answerFor({ isTTY: true })("\u001b")).toBe(String.raw`\u001b`);
    expect(answerFor({ isTTY: false })("\u001b")).toBe("\u001b");
  });
});

describe("third-party text", () => {
  const error = new SlmError("DATA_INVALID", `no such file: ${HOSTILE}`, {
    context: { path: HOSTILE },
    suggestions: [`slm verify ${HOSTILE}`],
  });

  test("has no control characters in errors, also on a terminal", () => {
    expect(errorLines(error, true).join("\n")).not.toMatch(DANGEROUS);
  });

  test("has no control characters in JSON, with the same meaning", () => {
    const json = jsonText({ [HOSTILE]: HOSTILE });
    expect(json).not.toMatch(DANGEROUS);
    expect(JSON.parse(json)).toEqual({ [HOSTILE]: HOSTILE });
  });

  test("has no control characters in the licence of a package", async () => {
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const licence = {
      declared: HOSTILE,
      covers: null,
      terms: HOSTILE,
      texts: [{ path: HOSTILE, lines: [HOSTILE] }],
    };
    const offer = {
      name: "x",
      version: HOSTILE,
      source: { file: HOSTILE },
      licence,
    } as unknown as PluginOffer;
    await acceptLicence(offer, { isAccepted: true, isInteractive: false, path: "x.whl" });
    const written = write.mock.calls.map(([text]) => String(text)).join("");
    write.mockRestore();
    expect(written).toContain(String.raw`licence: a\u001b[2J`);
    expect(written).not.toMatch(DANGEROUS);
  });

  test("has no control characters in progress and notes", () => {
    const written: string[] = [];
    const write = (text: string): void => void written.push(text);
    const reporter = new ProgressReporter({ isTty: false, columns: 80, write, now: () => 0 });
    reporter.update({ stage: HOSTILE, message: HOSTILE });
    reporter.note(HOSTILE);
    reporter.finish();
    expect(written.join("")).toContain(String.raw`\u001b[2J`);
    expect(written.join("")).not.toMatch(DANGEROUS);
  });
});
