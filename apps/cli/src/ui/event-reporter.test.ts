import { SlmError } from "@slm/core/errors";
import { describe, expect, test } from "vitest";
import { EventReporter } from "./event-reporter.js";

describe("EventReporter", () => {
  test("writes one JSON object per line: stages begin, report and end; errors have their code", () => {
    const lines: string[] = [];
    const reporter = new EventReporter({ write: (text) => lines.push(text), now: () => new Date(0) });
    reporter.update({ stage: "data" });
    reporter.update({ stage: "distill", step: 1, total: 2, metrics: { loss: 0.5 } });
    reporter.note("a line\nof two");
    reporter.finish();
    reporter.fail(new SlmError("GATE_FAILED", "no"));
    const events = lines.map((line) => JSON.parse(line) as { event: string; stage?: string });
    expect(lines.every((line) => line.endsWith("}\n") && !line.slice(0, -1).includes("\n"))).toBe(true);
    expect(events.map(({ event, stage }) => [event, stage])).toEqual([
      ["stage-started", "data"],
      ["progress", "data"],
      ["stage-ended", "data"],
      ["stage-started", "distill"],
      ["progress", "distill"],
      ["note", undefined],
      ["stage-ended", "distill"],
      ["failed", undefined],
    ]);
    expect(events[4]).toMatchObject({
      schemaVersion: 1,
      time: "1970-01-01T00:00:00.000Z",
      step: 1,
      metrics: { loss: 0.5 },
    });
    expect(events.at(-1)).toMatchObject({ error: { code: "GATE_FAILED" } });
  });
});
