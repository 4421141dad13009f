// Prints the place of functions in ONNX Runtime's table of functions, from its C header.
// Usage: node tools/scripts/ort-api-places.mjs onnxruntime_c_api.h [STRUCT] [NAME ...]
// STRUCT is OrtApi (the default) or OrtCompileApi. The header of a version is part of its release; the table only grows at its end.
import { readFile } from "node:fs/promises";

const [header, struct = "OrtApi", ...names] = process.argv.slice(2);
if (header === undefined) throw new Error("usage: ort-api-places.mjs HEADER [STRUCT] [NAME ...]");
const text = (await readFile(header, "utf8"))
  .replaceAll(/\/\*[\s\S]*?\*\//g, " ")
  .replaceAll(/\/\/[^\n]*/g, " ");
const version = /#define ORT_API_VERSION (\d+)/.exec(text)?.[1];
const start = text.indexOf(`struct ${struct} {`);
if (start < 0) throw new Error(`${header} has no struct ${struct}`);
const body = text.slice(start, text.indexOf("\n};", start));

/** Every kind of member, in the order of the struct. */
const MEMBERS =
  /ORT_API2_STATUS\(\s*(\w+)|ORT_API_T\(\s*[^,]+,\s*(\w+)|ORT_CLASS_RELEASE\(\s*(\w+)\s*\)|\(\s*ORT_API_CALL\s*\*\s*(\w+)\s*\)\s*\(/g;
const places = [...body.matchAll(MEMBERS)].map(([, status, typed, released, plain], at) => [
  status ?? typed ?? plain ?? `Release${released}`,
  at,
]);
console.error(`${struct} of API version ${version}: ${places.length} functions`);
const chosen = names.length === 0 ? places : places.filter(([name]) => names.includes(name));
console.log(JSON.stringify(Object.fromEntries(chosen), null, 2));
