/** A server or a program as an open teacher: it labels sources, and a server may have stored log-probabilities of its targets. */
import { SlmError } from "@slm/core";
import { loadTokenizer, type Tokenizer } from "@slm/tokenizer";
import type { TeacherRow } from "@slm/teacher";
import { ApiDistributions } from "../api/api-distributions.js";
import { ApiLabeller } from "../api/api-labeller.js";
import { estimateAnswers, estimateText } from "../api/estimate.js";
import type { Labeller } from "../labeller/labeller.js";
import { openLabeller } from "./open-labeller.js";
import type { LocalTeacher, OpenRequest, OpenTeacher } from "./open-teacher.js";

/** @throws SlmError DATA_INVALID, CONFIG_INVALID if the variable of the server's key is not set */
export async function openRemote(request: OpenRequest): Promise<OpenTeacher> {
  const { directory, tokenizerDirectory, context, sharing, permissions } = request;
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const labeller = await openLabeller(directory, { ...context, sharing, permissions });
  if (labeller === undefined) throw new SlmError("UNEXPECTED", `teacher: no labeller is at ${directory}`);
  return labeller instanceof ApiLabeller
    ? openServer(request, labeller, tokenizer)
    : labellingTeacher(labeller, tokenizer);
}

function openServer({ engine }: OpenRequest, server: ApiLabeller, tokenizer: Tokenizer): OpenTeacher {
  const { file } = server;
  const { logprobs } = file.request;
  const scorer = async (rows: AsyncIterable<TeacherRow>): Promise<LocalTeacher> => {
    let distributions: ApiDistributions | undefined;
    for await (const row of rows) {
      distributions ??= new ApiDistributions({ labeller: server, tokenizer, engine, example: row.target });
      distributions.add(row);
    }
    if (distributions === undefined) throw nothingLabelled();
    // The server's tokens and their own target; several may become one token of the student.
    return { teacher: distributions.teacher, tokenizer, mostTokens: logprobs + 1 };
  };
  return {
    ...labellingTeacher(server, tokenizer),
    scorer: logprobs === 0 ? undefined : scorer,
    estimate: (volume) => estimateText(estimateAnswers(file, volume)),
  };
}

/** A teacher that only labels. The run's tokenizer says which sources and targets the student can read. */
function labellingTeacher(labeller: Labeller, tokenizer: Tokenizer): OpenTeacher {
  const readable: Labeller = {
    name: labeller.name,
    identity: labeller.identity,
    // Sources that the student cannot read are not paid for.
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

const nothingLabelled = (): SlmError =>
  new SlmError(
    "DATA_INVALID",
    "cache: the teacher labelled no source, so there are no distributions to store",
    {
      suggestions: ["name unlabelled sources: data.unlabelled", "--set cache.generate=greedy"],
    },
  );
