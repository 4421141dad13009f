import type { PortableModel } from "@slm/c-export";
import type { Tokenizer } from "@slm/tokenizer";

interface GreedyRequest {
  readonly source: readonly number[];
  readonly most: number;
  readonly tokens: Tokenizer["tokens"];
}

/** The greedy answer of at most `most` tokens, without BOS and EOS. */
export function greedyAnswer(
  model: PortableModel,
  { source, most, tokens: { bos, eos } }: GreedyRequest,
): readonly number[] {
  const isEncoderDecoder = model.capacities.source > 0;
  if (isEncoderDecoder) model.encode(source);
  else model.rewind(0);
  const answer: number[] = [];
  let logits = model.step(isEncoderDecoder ? [bos] : [...source, bos]);
  while (answer.length < most) {
    const token = logits.indexOf(Math.max(...logits));
    if (token === eos) break;
    answer.push(token);
    if (answer.length < most) logits = model.step([token]);
  }
  return answer;
}
