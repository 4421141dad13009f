/** Opens a server or a program as a teacher. It only labels sources. */
import { SlmError } from "@slm/core";
import { loadTokenizer, type Tokenizer } from "@slm/tokenizer";
import { ApiLabeller } from "../api/api-labeller.js";
import { estimateAnswers, estimateText } from "../api/estimate.js";
import type { Labeller } from "../labeller/labeller.js";
import { openLabeller } from "./open-labeller.js";
import type { OpenRequest, OpenTeacher } from "./open-teacher.js";

/** @throws SlmError DATA_INVALID, CONFIG_INVALID if the variable of the server's key is not set */
export async function openRemote({
  directory,
  tokenizerDirectory,
  context,
  sharing,
  permissions,
}: OpenRequest): Promise<OpenTeacher> {
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const labeller = await openLabeller(directory, { ...context, sharing, permissions });
  if (labeller === undefined)
    throw new SlmError("UNEXPECTED", `teacher: ${directory} does not describe a labeller`);
  const teacher = labellingTeacher(labeller, tokenizer);
  if (!(labeller instanceof ApiLabeller)) return teacher;
  const { file } = labeller;
  return { ...teacher, estimate: (volume) => estimateText(estimateAnswers(file, volume)) };
}

/** A teacher that only labels. The run's tokenizer decides which sources and targets the student can read. */
function labellingTeacher(labeller: Labeller, tokenizer: Tokenizer): OpenTeacher {
  const readable: Labeller = {
    name: labeller.name,
    identity: labeller.identity,
    // Sources that the student cannot read are not sent, so they cost nothing.
    refuses: (source) =>
      encodable(() => tokenizer.encodeSource(source)) === undefined ? "unencodable" : undefined,
    answer: async (sources, options) =>
      (await labeller.answer(sources, options)).map(
        (answer) => answer && { ...answer, encoding: encodingOf(answer.target, tokenizer) },
      ),
    close: () => labeller.close(),
  };
  return { local: undefined, labeller: readable, close: () => labeller.close() };
}

function encodingOf(target: string, tokenizer: Tokenizer): "same" | "other" | "none" {
  const tokens = encodable(() => tokenizer.encodeTarget(target));
  if (tokens === undefined) return "none";
  return tokenizer.decode(tokens) === target ? "same" : "other";
}

/** Tokens of a text; undefined if the tokenizer rejects it. */
function encodable(encode: () => number[]): number[] | undefined {
  try {
    return encode();
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return undefined;
    throw error;
  }
}
