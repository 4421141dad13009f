import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { fromWireError, toWireError } from "./wire.js";

describe(toWireError, () => {
  test("keeps everything of an SlmError across structured clone", () => {
    const error = new SlmError("DATA_INVALID", "graph is broken", {
      context: { graph: "g" },
      suggestions: ["slm export"],
      cause: new Error("protobuf"),
    });
    const arrived = fromWireError(structuredClone(toWireError("runtime-node", error)));
    expect(arrived).toBeInstanceOf(SlmError);
    const { code, message, context, suggestions } = error;
    expect(arrived).toMatchObject({ code, message, context, suggestions });
    expect(arrived.cause).toMatchObject({ message: "protobuf" });
  });

  test("marks anything else as a bug", () => {
    expect(toWireError("runtime-node", new TypeError("x is undefined"))).toMatchObject({
      code: "UNEXPECTED",
    });
    expect(toWireError("runtime-node", "text")).toMatchObject({
      code: "UNEXPECTED",
      message: "runtime-node: text",
    });
  });
});
