/** Parquet files. */
import { readFile } from "node:fs/promises";
import { rowReader } from "../rows.mjs";

export const longest = 2 ** 15;
export const seeds = () =>
  Promise.all(
    ["none", "snappy", "gzip", "delta-v2", "front-coded-v2"].map((name) =>
      readFile(`packages/data/fixtures/${name}.parquet`),
    ),
  );
export const open = rowReader("rows.parquet", { fields: { source: "text", target: "text" } });
