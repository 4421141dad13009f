import { withCode } from "@slm/core/testing";
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { trainSymbolTokenizer } from "@slm/tokenizer";
import { expect, test } from "vitest";
import { serveConfig } from "../serve-config.js";
import { requestReader } from "./read-request.js";

const tokenizerFiles = trainSymbolTokenizer({ sources: ["abc"], targets: ["A"], sourceLowercase: false });
const read = requestReader({
  model: tinyDeviceModel({ name: "letters", maxSource: 10, maxTarget: 12 }),
  tokenizerFiles,
  limits: serveConfig.parse({}),
});
const asked = (schema: object): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      prompt: ["abc", "cab"],
      response_format: { type: "json_schema", json_schema: { name: "answer", schema } },
    }),
  );

test("every source of a request has a format of its own where answers copy from it", () => {
  const { formats, sources } = read("completions", asked({ type: "string", "x-copied": true }));
  expect(sources).toHaveLength(2);
  expect(formats.map((format) => format.kind === "schema" && format.source)).toEqual(["abc", "cab"]);
});

test("sources share a format that copies nothing", () => {
  const { formats } = read("completions", asked({ type: "string" }));
  expect(formats[0]).toBe(formats[1]);
  expect(formats[0]).not.toHaveProperty("source");
});

test.each(["system", "developer"])("rejects a message of role %s, which the model would answer", (role) => {
  const messages = [
    { role: "user", content: "abc" },
    { role, content: "cab" },
  ];
  expect(() => read("chat", Buffer.from(JSON.stringify({ messages })))).toThrow(withCode("USAGE"));
  const { sources } = read("chat", Buffer.from(JSON.stringify({ messages: messages.slice(0, 1) })));
  expect(sources).toHaveLength(1);
});
