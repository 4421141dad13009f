/** Reads a request: all work before queuing that grows with its size (JSON, schemas, base64, tokenizing). */
import type { DeviceModel } from "@slm/exported-model";
import { checkLength, resolvePrompt } from "@slm/inference/limits";
import { answerOpening, createTokenizer, type AnswerOpening, type TokenizerFiles } from "@slm/tokenizer";
import { parseJsonBody } from "./json-body.js";
import { requestOf, type AnyRequest, type RequestForm, type RequestLimits } from "./request-forms.js";
import { formatFor, type TextFormat } from "./text-formats.js";
import { checkCharacters, longestSource } from "./source-length.js";

/** Facts about the model that reading a request needs. */
export interface ReaderModel {
  readonly model: DeviceModel;
  readonly tokenizerFiles: TokenizerFiles;
  readonly limits: RequestLimits;
}

/** A request whose sources are token ids within the model's limits. */
export interface ReadRequest extends Omit<AnyRequest, "sources" | "languages" | "options"> {
  readonly sources: readonly (readonly number[])[];
  /** Format of the answer to each source. */
  readonly formats: readonly TextFormat[];
  readonly options: Omit<AnyRequest["options"], "format">;
  /** First tokens of every answer, if the request names its language. */
  readonly opening: AnswerOpening | undefined;
}

/**
 * A function that reads bodies of requests.
 *
 * @throws SlmError DATA_INVALID for a source that is empty, too long or has an unknown symbol, for an image if the model reads text
 * only, or a missing image; USAGE for a body that is not a request, and for languages as `answerOpening`.
 */
export function requestReader({
  model,
  tokenizerFiles,
  limits,
}: ReaderModel): (form: RequestForm, body: Uint8Array) => ReadRequest {
  const tokenizer = createTokenizer(tokenizerFiles);
  const most = longestSource(model, tokenizerFiles);
  return (form, body) => {
    const { languages, options: asked, ...request } = requestOf(form, parseJsonBody(body), limits);
    const { format, ...options } = asked;
    const { image } = request;
    const formats: TextFormat[] = [];
    const opening = answerOpening(tokenizer, languages, "the request");
    const sources = request.sources.map((source) => {
      const text = resolvePrompt({ text: source, image }, model, "the request");
      checkCharacters(text, most);
      const ids = tokenizer.encodeSource(text, languages);
      checkLength(ids.length, model, "the source");
      formats.push(formatFor(format, text));
      return ids;
    });
    return { ...request, sources, formats, options, opening };
  };
}
