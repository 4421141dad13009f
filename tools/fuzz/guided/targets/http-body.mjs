/** Request bodies of every endpoint of the server. The first byte chooses the form. */
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { trainSymbolTokenizer } from "@slm/tokenizer";
import { serveConfig } from "../../../../packages/serve/src/serve-config.ts";
import { requestReader } from "../../../../packages/serve/src/requests/read-request.ts";

const FORMS = /** @type {const} */ (["generate", "completions", "chat"]);
export const seeds = () => [
  '0{"source":["abc","b"],"max_tokens":3}',
  '1{"prompt":"abc","temperature":0.5,"top_p":0.9,"seed":1,"stop":["a"],"logit_bias":{"4":1}}',
  '2{"messages":[{"role":"user","content":[{"type":"text","text":"ab"}]}],"response_format":{"type":"json_object"}}',
  '1{"prompt":"a","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"string"}}},"stream":true}',
  '2{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}',
];

export function open() {
  const letters = "abcdefgh";
  const tokenizerFiles = trainSymbolTokenizer({
    sources: [letters],
    targets: [Array.from(letters.toUpperCase()).join(" ")],
    sourceLowercase: true,
  });
  const model = tinyDeviceModel({
    name: "fuzz",
    vocabularySize: 4 + letters.length * 2,
    maxSource: 10,
    maxTarget: 12,
  });
  const read = requestReader({ model, tokenizerFiles, limits: serveConfig.parse({}) });
  return (/** @type {Uint8Array} */ bytes) =>
    void read(FORMS[(bytes[0] ?? 0) % FORMS.length] ?? "chat", bytes.subarray(1));
}
