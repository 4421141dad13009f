import { describe, expect, test } from "vitest";
import { ApiFixture, failureOf, targetsOf } from "../test-support/api-fixture.test-support.js";
import {
  capitals,
  chatAnswer,
  reject,
  startFakeApi,
  type Answering,
} from "../test-support/fake-api.test-support.js";

const fixture = new ApiFixture();

describe("failures", () => {
  /** Sends `failures` in turn, then the source in capitals. */
  const failing =
    (...failures: Answering[]): Answering =>
    (call, response) =>
      (failures.shift() ?? capitals)(call, response);

  test.each([408, 429, 500, 503])("status %i is tried again", async (status) => {
    const again: Answering = (_, response) => {
      reject(response, status, { message: "later" });
    };
    const labelled = await fixture.label(["a"], {}, { answering: failing(again, again) });
    expect(targetsOf(labelled)).toEqual(["A"]);
    expect(labelled.told.map(({ message }) => message)).toContain(
      `tiny: trying again: status ${status} later`,
    );
    expect(fixture.api.calls).toHaveLength(3);
  });

  test("a broken connection is tried again", async () => {
    const cut: Answering = (_, response) => {
      response.writeHead(200, { "content-length": "500" }).write("{");
      setTimeout(() => response.destroy(), 5);
      return undefined;
    };
    expect(targetsOf(await fixture.label(["a"], {}, { answering: failing(cut) }))).toEqual(["A"]);
  });

  test("Retry-After delays every request", async () => {
    const starts: number[] = [];
    const later: Answering = (_, response) => {
      reject(response, 429, {}, { "retry-after": "0.3" });
    };
    const answering = failing(later);
    await fixture.label(
      ["a", "b"],
      { concurrency: 1 },
      {
        answering: (call, response) => {
          starts.push(performance.now());
          return answering(call, response);
        },
      },
    );
    // Timers can fire slightly early.
    expect(starts[1]! - starts[0]!).toBeGreaterThan(290);
  });

  test("a silent server is an error after the last attempt", async () => {
    const failure = await failureOf(
      fixture.label(["a"], {}, { silenceMs: 100, answering: () => undefined, retries: 1 }),
    );
    expect(failure).toMatchObject({ code: "DEVICE_UNAVAILABLE" });
    expect(failure.message).toMatch(/no answer in 2 attempts: no data arrived for 0.1 s/u);
    expect(fixture.api.calls).toHaveLength(2);
  });

  test("a slow server is not an error while bytes arrive", async () => {
    const trickle: Answering = (call, response) => {
      const text = JSON.stringify(capitals(call, response));
      [...Array(6).keys()].forEach((part) => {
        setTimeout(() => {
          const size = Math.ceil(text.length / 6);
          response.write(text.slice(part * size, (part + 1) * size));
          if (part === 5) response.end();
        }, part * 60);
      });
      return undefined;
    };
    const labelled = await fixture.label(["a"], {}, { silenceMs: 200, answering: trickle, retries: 0 });
    expect(targetsOf(labelled)).toEqual(["A"]);
  });

  test("a missing server is an error that says so", async () => {
    const baseUrl = fixture.api.baseUrl;
    await fixture.api.close();
    const failure = await failureOf(fixture.label(["a"], { baseUrl }, { retries: 1 }));
    fixture.api = await startFakeApi();
    expect(failure).toMatchObject({ code: "DEVICE_UNAVAILABLE" });
    expect(failure.message).toContain("ECONNREFUSED");
  });

  test.each<[string, Answering, string, RegExp]>([
    [
      "another model",
      (_, r) => {
        reject(r, 404, { message: "no tiny" });
      },
      "CONFIG_INVALID",
      /the address or model does not exist \(404\) no tiny/u,
    ],
    [
      "a wrong field",
      (_, r) => {
        reject(r, 422, { message: "seed" });
      },
      "CONFIG_INVALID",
      /rejected the request \(422\) seed/u,
    ],
    [
      "a used-up quota",
      (_, r) => {
        reject(r, 429, { code: "insufficient_quota" });
      },
      "CONFIG_INVALID",
      /429/u,
    ],
    [
      "text that is no JSON",
      (_, r) => void r.end("<html>"),
      "DATA_INVALID",
      /expected a response in the format of OpenAI's API/u,
    ],
    ["JSON of another form", () => ({ answer: 1 }), "DATA_INVALID", /choices/u],
    ["an unknown end", () => chatAnswer("A", { finish: "sleepy" }), "DATA_INVALID", /got 'sleepy'/u],
    ["an error with status 200", () => ({ error: { code: 404, message: "gone" } }), "CONFIG_INVALID", /404/u],
  ])("%s is an error without another attempt", async (_, answering, code, message) => {
    const failure = await failureOf(fixture.label(["a"], {}, { answering: answering }));
    expect(failure).toMatchObject({ code });
    expect(failure.message).toMatch(message);
    expect(fixture.api.calls).toHaveLength(1);
  });
});
