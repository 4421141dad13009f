/** Parquet, CSV, TSV and JSON: compares the columns of every record with those that pyarrow and Python's csv and json read. */
import { formatOf } from "../../../packages/data/dist/formats/format-table.js";
import { reference } from "../programs.mjs";

/** @type {import("./kind.mjs").Kind} */
export async function table(file, { encoding = "utf-8" }, { cache }) {
  const settings = /** @type {Parameters<typeof formatOf>[2]} */ ({ encoding });
  const format = await formatOf(file, undefined, settings);
  /** @type {Readonly<Record<string, unknown>>[]} */
  const records = [];
  const rejected = [];
  for await (const record of format.read(file, settings)) {
    if ("reason" in record) rejected.push(record);
    else records.push(record.columns);
  }
  const theirs = await reference(cache, "table", { file, encoding });
  /** @type {object[]} */
  const differ = [];
  for (const [index, row] of theirs.rows.entries()) {
    const ours = records[index] === undefined ? undefined : comparable(records[index]);
    const difference = firstDifference(ours, row);
    if (difference !== undefined) differ.push({ row: index + 1, difference });
  }
  if (records.length !== theirs.count)
    differ.push({ difference: `${records.length} records, the other program read ${theirs.count}` });
  if (rejected.length !== theirs.ragged)
    differ.push({
      difference: `${rejected.length} rejected, but ${theirs.ragged} have a different number of fields`,
      rejected,
    });
  const columns = Object.keys(records[0] ?? {}).length;
  const ragged =
    theirs.ragged === 0 ? "" : `, ${theirs.ragged} lines with a different number of fields rejected`;
  return {
    read: `${records.length} rows of ${columns} columns`,
    compared: differ.length === 0,
    reference: theirs.program,
    figures: differ.length === 0 ? `all values equal${ragged}` : `${differ.length} rows differ`,
    differ,
  };
}

/**
 * A cell's value in a form that both programs can write: whole numbers as text, dates as ISO 8601, bytes in hexadecimal.
 *
 * @returns {unknown}
 */
function comparable(/** @type {unknown} */ value) {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number")
    return Number.isInteger(value) ? String(value) : Number.isFinite(value) ? value : String(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) {
    if (!(value instanceof Uint8Array)) return Array.from(/** @type {Float32Array} */ (value), comparable);
    return `bytes ${Buffer.from(value).toString("hex")}`;
  }
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparable(item)]));
  return value;
}

/** @type {(ours: unknown, theirs: unknown, path?: string) => string | undefined} */
function firstDifference(ours, theirs, path = "") {
  if (typeof theirs === "object" && theirs !== null) {
    if (typeof ours !== "object" || ours === null)
      return `${path}: ${show(ours)}, the other program has ${show(theirs)}`;
    const [one, two] = [new Map(Object.entries(ours)), new Map(Object.entries(theirs))];
    for (const key of new Set([...one.keys(), ...two.keys()])) {
      const found = firstDifference(one.get(key) ?? null, two.get(key) ?? null, `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  // Text that is not marked as text; the other program reads it as bytes.
  if (typeof ours === "string" && theirs === `bytes ${Buffer.from(ours).toString("hex")}`) return undefined;
  return ours === theirs ? undefined : `${path}: ${show(ours)}, the other program has ${show(theirs)}`;
}

const show = (/** @type {unknown} */ value) => JSON.stringify(value ?? null).slice(0, 120);
