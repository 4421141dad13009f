import { describe, expect, test } from "vitest";
import { rejectionOf, retryAfterMs } from "./rejection.js";

describe(retryAfterMs, () => {
  const now = Date.parse("2026-11-27T10:00:00Z");
  test.each([
    [null, undefined],
    ["12", 12_000],
    ["0.5", 500],
    ["Fri, 27 Nov 2026 10:00:30 GMT", 30_000],
    ["Fri, 27 Nov 2026 09:00:00 GMT", 0],
    ["soon", undefined],
  ])("reads %j", (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected);
  });
});

describe(rejectionOf, () => {
  const rejected = (status: number, text: string, key?: string): ReturnType<typeof rejectionOf> =>
    rejectionOf({
      url: "http://127.0.0.1/v1/completions",
      answer: { status, headers: new Headers(), text },
      apiKeyEnv: undefined,
      key,
    });

  test("shows the server's message on one line, shortened, and without control characters", () => {
    const serverText = `bad\n\u001B[31mred ${"x".repeat(1000)}`;
    const rejection = rejected(400, JSON.stringify({ error: { message: serverText } }));
    expect(rejection.kind).toBe("fatal");
    const { message } = (rejection as Extract<typeof rejection, { readonly kind: "fatal" }>).error;
    expect(message).toContain("(400) bad [31mred xxx");
    expect(message.length).toBeLessThan(620);
  });

  test("reads errors of servers that send them at the top level", () => {
    const text = '{"object":"error","message":"maximum context length is 8","code":400}';
    expect(rejected(400, text)).toEqual({ kind: "row", outcome: "tooLong" });
  });

  test("treats a content filter with status 403 as an answer for the row, but not a wrong key", () => {
    expect(rejected(403, '{"error":{"message":"flagged by moderation"}}')).toMatchObject({
      outcome: "refused",
    });
    expect(rejected(403, '{"error":{"message":"wrong key"}}')).toMatchObject({ kind: "fatal" });
  });

  test("a request that failed because of the server can be tried again", () => {
    expect(rejected(502, "<html>Bad gateway</html>")).toMatchObject({
      kind: "retry",
      isForAll: false,
      waitMs: undefined,
      reason: "status 502 <html>Bad gateway</html>",
    });
  });
});
