/** Numbers, tables and untrusted texts as text for people. */
export { columns, wrapped } from "./columns.js";
export { formatBytes, formatCount, formatGrouped, formatNumber, formatSeconds } from "./format.js";
export { jsonText } from "./json-text.js";
export { answerFor, printable, printableAnswer, printableJson } from "./printable.js";
