/** Runs the listing graph of a decoder that `splitListed` has divided: finds the tokens that are allowed for a batch's sources. */
import { GRAPH_IO, LEXICAL_MASKED, LISTED } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { DeviceTensor, HostTensor, Runtime, Session } from "@slm/runtime";

type DeviceTensors = Readonly<Record<string, DeviceTensor>>;

/**
 *
 * Computes the decoder inputs that replace the rows' lexical bias. The caller releases them, and calls this again when rows change.
 *
 * @param bias float32 `[batch, vocab]`, as the encoder returns it
 */
export async function listTokens(listing: Session, bias: DeviceTensor): Promise<DeviceTensors> {
  const { kept } = await listing.run({ feeds: { [GRAPH_IO.lexicalBias]: bias }, keep: listing.outputNames });
  return kept;
}

/** The output with the decoder's logits: of the whole vocabulary, or of listed tokens. */
export const logitsOutput = ({ outputNames }: Pick<Session, "outputNames">): string =>
  outputNames.includes(LISTED.logits) ? LISTED.logits : GRAPH_IO.logits;

/** Logits of the whole vocabulary, whichever logits a decoder returns. The ids of listed tokens are read once. */
export class WholeLogits {
  readonly #runtime: Runtime;
  readonly #listed: DeviceTensors;
  readonly #vocabularySize: number;
  #ids: BigInt64Array | undefined;

  /** @param listed decoder inputs of {@link listTokens} */
  constructor(runtime: Runtime, listed: DeviceTensors, vocabularySize: number) {
    this.#runtime = runtime;
    this.#listed = listed;
    this.#vocabularySize = vocabularySize;
  }

  /**
   * @param output name of the logits, see {@link logitsOutput}
   * @returns float32 `[rows, vocab]`
   * @throws SlmError SHAPE_MISMATCH for logits that are not float32
   */
  async of(logits: HostTensor, output: string): Promise<Float32Array> {
    const { data, dtype } = logits;
    if (!(data instanceof Float32Array))
      throw new SlmError("SHAPE_MISMATCH", `generate: '${output}' must be float32, got ${dtype}`);
    if (output === GRAPH_IO.logits) return data;
    this.#ids ??= await this.#listedIds();
    return spread(data, this.#ids, this.#vocabularySize);
  }

  async #listedIds(): Promise<BigInt64Array> {
    const { data, dtype } = await this.#runtime.download(this.#listed[LISTED.ids]!);
    if (data instanceof BigInt64Array) return data;
    throw new SlmError("SHAPE_MISMATCH", `generate: '${LISTED.ids}' must be int64, got ${dtype}`);
  }
}

/** Copies logits `[rows, ids.length]` to their ids in `[rows, vocabularySize]`. All other ids are masked. */
function spread(listed: Float32Array, ids: BigInt64Array, vocabularySize: number): Float32Array {
  const rows = listed.length / ids.length;
  const all = new Float32Array(rows * vocabularySize).fill(LEXICAL_MASKED);
  for (let at = 0; at < ids.length; at++) {
    const id = Number(ids[at]);
    for (let row = 0; row < rows; row++) all[row * vocabularySize + id] = listed[row * ids.length + at]!;
  }
  return all;
}
