/** CSV and TSV files. */
import { rowReader } from "../rows.mjs";

export const seeds = () => [
  "source,target\na,b\nc,d\n",
  '\ufeffsource;target\r\n"a;""b""";c\r\n',
  "source\ttarget\na\tb\n",
];
export const open = rowReader("rows.csv", {});
