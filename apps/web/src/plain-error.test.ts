import { SlmError } from "@slm/core/errors";
import { describe, expect, test } from "vitest";
import { plainError } from "./plain-error.js";

describe(plainError, () => {
  test("says in plain words that a text is too long, and which character is unknown", () => {
    const long = new SlmError(
      "DATA_INVALID",
      "generate: source 1 has 399 tokens, the model reads at most 40",
      {
        context: { tokens: 399, maxSource: 40 },
      },
    );
    expect(plainError(long)).toBe(
      "This text is too long for the model: 10 times its limit. Shorten it and try again.",
    );
    const unknown = new SlmError("DATA_INVALID", "tokenizer: character 1 of the source is ...", {
      context: { side: "source", symbol: "日", position: 1 },
    });
    expect(plainError(unknown)).toBe('The model does not know the character "日". Leave it out.');
  });

  test("keeps other messages, without the number of a source of which there is one", () => {
    const none = new SlmError("DATA_INVALID", "generate: source 1 has no image; the model needs one");
    expect(plainError(none)).toBe("This text has no image; the model needs one");
    expect(plainError(new TypeError("x is undefined"))).toBe("x is undefined");
    expect(plainError("stopped")).toBe("stopped");
  });
});
