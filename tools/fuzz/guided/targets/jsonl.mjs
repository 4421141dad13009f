/** JSON Lines. */
import { rowReader } from "../rows.mjs";

export const words = [
  '"source":',
  '"target":',
  "null",
  "true",
  "1e999",
  "\\u0000",
  "\\ud800",
  "[",
  "{",
  "}\n{",
  "__proto__",
];
export const seeds = () =>
  [
    '{"source":"a","target":"b"}\n{"source":"c","target":["d","e"]}\n',
    '{"source":{"a":"x"},"target":1}\n',
  ].map((text) => Buffer.from(text));
export const open = rowReader("rows.jsonl", {});
