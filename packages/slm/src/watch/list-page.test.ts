import { expect, test } from "vitest";
import { listPage } from "./list-page.js";

test("a time that cannot be shown is omitted from the run's row", async () => {
  const training = {
    name: "a",
    directory: "/runs/a/distill",
    metricsFile: "/runs/a/none",
    settings: undefined,
    endedAt: 0,
  };
  // The time of a file that is set beyond the year 275,760.
  const run = { root: "/runs/a", name: "a", state: "running", training, changedAt: 9e15 } as const;
  const page = await listPage([run]);
  expect(page).toContain("cannot be read");
  expect(page).not.toContain("Invalid");
});
