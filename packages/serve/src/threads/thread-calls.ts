/** Calls to the threads of a served model, and the path of their compiled entry. */
import type { ReadRequest } from "../requests/read-request.js";
import type { RequestForm } from "../requests/request-forms.js";
import type { RestrictingFormat } from "../requests/text-formats.js";

/** One bit per token id, 32 in a word. */
export type TokenSet = Uint32Array<ArrayBuffer>;

export interface ThreadCalls {
  /** Reads the body of a request. */
  readonly read: (call: { readonly form: RequestForm; readonly body: Uint8Array }) => ReadRequest;
  /** Decodes an image file and cuts it into patches. */
  readonly patches: (call: { readonly file: Uint8Array }) => Promise<Float32Array>;
  /**
   * Tokens that may follow the answer's tokens so far; undefined if the thread does not know the answer and needs its format.
   */
  readonly allowed: (call: {
    /** Id of the answer. */
    readonly answer: number;
    readonly format: RestrictingFormat | undefined;
    readonly ids: readonly number[];
  }) => TokenSet | undefined;
  /** The answer has ended. */
  readonly forget: (call: { readonly answer: number }) => undefined;
}

export type ThreadCall = {
  readonly [Name in keyof ThreadCalls]: { readonly name: Name } & Parameters<ThreadCalls[Name]>[0];
}[keyof ThreadCalls];
