/** CSV and TSV files. */
import { rowReader } from "../rows.mjs";

export const words = ['"', '""', ",", ";", "\t", "\r\n", "\n", "\ufeff", "source", "target"];
export const seeds = () =>
  ["source,target\na,b\nc,d\n", '\ufeffsource;target\r\n"a;""b""";c\r\n', "source\ttarget\na\tb\n"].map(
    (text) => Buffer.from(text),
  );
export const open = rowReader("rows.csv", {});
