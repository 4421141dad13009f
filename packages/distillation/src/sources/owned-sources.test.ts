import { describe, expect, test } from "vitest";
import { OwnedSources } from "./owned-sources.js";

const closing = (name: string, closed: string[], failure?: Error) => ({
  close: () => {
    closed.push(name);
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  },
});

describe(OwnedSources, () => {
  test("closes the others if closing one fails, and throws the first error", async () => {
    const closed: string[] = [];
    const owned = new OwnedSources();
    owned.own(closing("a", closed, new Error("second")));
    owned.own(closing("b", closed));
    owned.own(closing("c", closed, new Error("first")));
    await expect(owned.close()).rejects.toThrow("first");
    expect(closed).toEqual(["c", "b", "a"]);
  });
});
