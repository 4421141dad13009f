/** A request for text, and its answer. */
import type { SamplingOptions, TokenRules } from "@slm/generation";
import type { ImageFile } from "../requests/request-image.js";
import type { TextFormat } from "../requests/text-formats.js";
import type { TokenLogprob } from "../requests/token-logprobs.js";

export interface TextRequest {
  /** Ids of the source. */
  readonly source: readonly number[];
  /** The source's image, for a vision-language model. */
  readonly image?: ImageFile | undefined;
  /** First tokens of the decoder. Default: BOS. */
  readonly start?: number | undefined;
  /** Most tokens of the answer. Default: as many as fit. */
  readonly maxTokens?: number | undefined;
  /** Default: greedy. */
  readonly sampling?: (SamplingOptions & { readonly seed: number }) | undefined;
  /** Bias and penalties from `rulesOf`. For a decoder-only model the repetition penalty also counts the source. */
  readonly rules: TokenRules;
  /** Restriction of the answer. Default: any text. */
  readonly format?: TextFormat | undefined;
  /** Sequences that end the answer. */
  readonly stop?: readonly string[] | undefined;
  /** Number of alternatives whose log-probabilities are recorded for every token. Default: no log-probabilities. */
  readonly logprobs?: number | undefined;
  /** Called with each piece of the text as soon as it is final. */
  readonly onText?: ((piece: string) => void) | undefined;
  readonly signal: AbortSignal;
}

export interface TextAnswer {
  /** Empty if the answer was withheld. */
  readonly text: string;
  /** Log-probability of the answer under the model itself, EOS included [nats]. */
  readonly logProbability: number;
  /** The same as a probability [0 to 1]. */
  readonly confidence: number;
  /** Whether the answer was withheld because its confidence is below the threshold. */
  readonly abstained: boolean;
  readonly reason: "stop" | "length";
  readonly sourceTokens: number;
  readonly tokens: number;
  readonly waitedMs: number;
  /** Time to read and encode the image before queuing; only for vision-language models. */
  readonly imageMs?: number | undefined;
  readonly firstTokenMs: number;
  readonly totalMs: number;
  /** Log-probabilities of the text's tokens, without EOS; only if requested. */
  readonly logprobs?: readonly TokenLogprob[] | undefined;
}
