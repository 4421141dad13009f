/** The calls that threads of a served model do, and where their compiled entry is. */
import type { ReadRequest } from "../requests/read-request.js";
import type { RequestForm } from "../requests/request-forms.js";
import type { RestrictingFormat } from "../requests/text-formats.js";

/** One bit per token id, 32 to a word. */
export type TokenSet = Uint32Array<ArrayBuffer>;

export interface ThreadCalls {
  /** Reads the body of a request. */
  readonly read: (call: { readonly form: RequestForm; readonly body: Uint8Array }) => ReadRequest;
  /**
   * Tokens that may follow in an answer after the tokens that it has so far; undefined: the thread does not know the answer, and asks for
   * its format.
   */
  readonly allowed: (call: {
    /** Number of the answer. */
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
