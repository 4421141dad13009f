/**
 * Compilers' answers for the probes, recorded in the repository so that tests do not need a vendor's program. Per operator, one character
 * for each probe in the order of probes.mjs: `+` compiled completely, `-` refused, `.` skipped or not readable by ONNX Runtime.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { settled, wasRead } from "./verdicts.mjs";

const fileOf = (/** @type {string} */ compiler) => join(import.meta.dirname, "recorded", `${compiler}.json`);

const operatorOf = (/** @type {string} */ name) => name.split(" ", 1).join();

/** Writes a compiler's answers for the probes. */
export async function record(
  /** @type {string} */ compiler,
  /** @type {string} */ versions,
  /** @type {readonly string[]} */ names,
  /** @type {(probe: string) => import("./verdicts.mjs").CompilerAnswer | undefined} */ answerOf,
) {
  /** @type {Record<string, string>} */
  const operators = {};
  for (const name of names) {
    const answer = answerOf(name);
    const mark = answer === undefined || !wasRead(answer) ? "." : settled(answer).whole ? "+" : "-";
    operators[operatorOf(name)] = (operators[operatorOf(name)] ?? "") + mark;
  }
  await writeFile(fileOf(compiler), `${JSON.stringify({ versions, operators }, null, 2)}\n`);
}

/**
 * The recorded answers by probe name. Probes without an answer are left out.
 *
 * @throws Error if the record is for other probes
 */
export async function recordedAnswers(
  /** @type {string} */ compiler,
  /** @type {readonly string[]} */ names,
) {
  /** @type {{ versions: string, operators: Record<string, string> }} */
  const { versions, operators } = JSON.parse(await readFile(fileOf(compiler), "utf8"));
  const rest = new Map(Object.entries(operators).map(([name, marks]) => [name, marks.split("")]));
  /** @type {Map<string, boolean>} */
  const answers = new Map();
  for (const name of names) {
    const mark = rest.get(operatorOf(name))?.shift();
    if (mark === undefined)
      throw new Error(`${compiler}: '${name}' is not recorded; npm run interop:compilers -- --record`);
    if (mark !== ".") answers.set(name, mark === "+");
  }
  const [left] = [...rest].find(([, marks]) => marks.length > 0) ?? [];
  if (left !== undefined) throw new Error(`${compiler}: the record of ${left} has more answers than probes`);
  return { versions, answers };
}
