/**
 * Corrects lists of older writers. Today a list has three levels (`list`, `repeated group list`, `element`). Older files of Avro, Hive and
 * Spark repeat the element itself, but the library reads them as three levels: field names are lost, there is one level
 * too many, and an empty list becomes null.
 *
 * Source: Parquet format, LogicalTypes, "Lists" and its rules for backward compatibility.
 */
import type { SchemaTree } from "hyparquet";

type Mend = (value: unknown) => unknown;

/** Returns a function that corrects the library's values of a column; undefined if they need no correction. */
export function listMending(column: SchemaTree): Mend | undefined {
  return holdsOldLists(column) ? (value) => asWritten(column, value) : undefined;
}

function holdsOldLists(node: SchemaTree): boolean {
  return (isList(node) && isElement(node, node.children[0]!)) || node.children.some(holdsOldLists);
}

function isList({ element, children }: SchemaTree): boolean {
  return (
    element.converted_type === "LIST" &&
    children.length === 1 &&
    children[0]!.element.repetition_type === "REPEATED"
  );
}

/** Whether the element itself is repeated, instead of a level around it. */
function isElement({ element: { name } }: SchemaTree, repeated: SchemaTree): boolean {
  if (repeated.children.length !== 1 || isList(repeated)) return true;
  return repeated.element.name === "array" || repeated.element.name === `${name}_tuple`;
}

function asWritten(node: SchemaTree, value: unknown): unknown {
  if (isList(node)) return listAsWritten(node, value, false);
  if (node.children.length === 0 || !isRecord(value)) return value;
  return structAsWritten(node, value);
}

function structAsWritten({ children }: SchemaTree, value: Readonly<Record<string, unknown>>): unknown {
  const mended = { ...value };
  for (const child of children) {
    const { name } = child.element;
    if (Object.hasOwn(value, name)) mended[name] = asWritten(child, value[name]);
  }
  return mended;
}

/**
 * @param value the library's value: the values of the repeated group's only child, or a record of its children
 * @param isSkipped whether the library treated this list as the level around an element; then the value already is the list of items
 */
function listAsWritten(list: SchemaTree, value: unknown, isSkipped: boolean): unknown {
  const repeated = list.children[0]!;
  const isRecordOfIt = !isSkipped && repeated.children.length > 1 && isRecord(value);
  const items = isRecordOfIt ? value[repeated.element.name] : value;
  if (items === null || items === undefined) return list.element.repetition_type === "OPTIONAL" ? null : [];
  if (!Array.isArray(items)) return items;
  const isWhole = isElement(list, repeated);
  return items.map((item: unknown) => {
    if (repeated.children.length !== 1) return asWritten(repeated, item);
    const [only] = repeated.children;
    if (isList(repeated)) return listAsWritten(repeated, item, !isSkipped);
    const inner = isSkipped && isRecord(item) ? item[only!.element.name] : item;
    const mended = asWritten(only!, inner);
    return isWhole ? { [only!.element.name]: mended } : mended;
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
