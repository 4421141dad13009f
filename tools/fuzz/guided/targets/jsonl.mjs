/** JSON Lines. */
import { rowReader } from "../rows.mjs";

export const seeds = () => [
  '{"source":"a","target":"b"}\n{"source":"c","target":["d","e"]}\n',
  '{"source":{"a":"x"},"target":1}\n',
];
export const open = rowReader("rows.jsonl", {});
