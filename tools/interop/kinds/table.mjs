/** Parquet, CSV, TSV and JSON: every record as columns, compared with what pyarrow and Python's csv and json read. */
import { formatOf } from "../../../packages/data/dist/formats/format-table.js";
import { reference } from "../programs.mjs";

export async function table(file, { encoding = "utf-8" }, { cache }) {
  const settings = { encoding };
  const format = await formatOf(file, undefined, settings);
  const records = [];
  const rejected = [];
  for await (const record of format.read(file, settings)) {
    if ("reason" in record) rejected.push(record);
    else records.push(record.columns);
  }
  const theirs = await reference(cache, "table", { file, encoding });
  const differ = [];
  for (const [index, row] of theirs.rows.entries()) {
    const ours = records[index] === undefined ? undefined : comparable(records[index]);
    const difference = firstDifference(ours, row);
    if (difference !== undefined) differ.push({ row: index + 1, difference });
  }
  if (records.length !== theirs.count)
    differ.push({ difference: `${records.length} records, they read ${theirs.count}` });
  if (rejected.length !== theirs.ragged)
    differ.push({
      difference: `${rejected.length} rejected, ${theirs.ragged} have another number of fields`,
      rejected,
    });
  const columns = Object.keys(records[0] ?? {}).length;
  const ragged = theirs.ragged === 0 ? "" : `, ${theirs.ragged} lines with another number of fields rejected`;
  return {
    read: `${records.length} rows of ${columns} columns`,
    compared: differ.length === 0,
    reference: theirs.program,
    figures: differ.length === 0 ? `every value the same${ragged}` : `${differ.length} rows differ`,
    differ,
  };
}

/** A value of a cell as both programs can say it: whole numbers as text, dates as ISO 8601, bytes in hexadecimal. */
function comparable(value) {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number")
    return Number.isInteger(value) ? String(value) : Number.isFinite(value) ? value : String(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) {
    if (!(value instanceof Uint8Array)) return Array.from(value, comparable);
    return `bytes ${Buffer.from(value).toString("hex")}`;
  }
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparable(item)]));
  return value;
}

function firstDifference(ours, theirs, path = "") {
  if (typeof theirs === "object" && theirs !== null) {
    if (typeof ours !== "object" || ours === null)
      return `${path}: ${show(ours)} where they have ${show(theirs)}`;
    for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
      const found = firstDifference(ours[key] ?? null, theirs[key] ?? null, `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  // Text without a mark that it is text: bytes to them.
  if (typeof ours === "string" && theirs === `bytes ${Buffer.from(ours).toString("hex")}`) return undefined;
  return ours === theirs ? undefined : `${path}: ${show(ours)} where they have ${show(theirs)}`;
}

const show = (value) => JSON.stringify(value)?.slice(0, 120);
