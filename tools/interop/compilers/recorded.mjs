/**
 * What compilers made of the probes, kept in the repository so that tests need no vendor's program: one character for each probe in the
 * order of probes.mjs, by operator: `+` compiled whole, `-` refused, `.` not asked or not read by ONNX Runtime.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { settled, wasRead } from "./verdicts.mjs";

const fileOf = (/** @type {string} */ compiler) => join(import.meta.dirname, "recorded", `${compiler}.json`);

const operatorOf = (/** @type {string} */ name) => name.split(" ", 1).join();

/** Writes the record of a compiler from its answers about the probes. */
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
 * The recorded answers by name of the probe; names without an answer are left out.
 *
 * @throws Error where the record is of other probes
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
  if (left !== undefined) throw new Error(`${compiler}: more is recorded of ${left} than is probed`);
  return { versions, answers };
}
