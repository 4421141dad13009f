import { expect, test } from "vitest";
import { listPage } from "./list-page.js";

test("a time that cannot be shown is left out of the row of its run", async () => {
  const training = {
    name: "a",
    directory: "/runs/a/distill",
    metricsFile: "/runs/a/none",
    settings: undefined,
    endedAt: 0,
  };
  // Of a file whose time is set beyond the year 275,760.
  const run = { root: "/runs/a", name: "a", state: "running", training, changedAt: 9e15 } as const;
  const page = await listPage([run]);
  expect(page).toContain("cannot be read");
  expect(page).not.toContain("Invalid");
});
