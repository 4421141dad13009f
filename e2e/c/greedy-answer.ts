import type { PortableModel } from "@slm/c-export";

/** The special tokens of tokenizers that slm trains. */
const [BOS, EOS] = [1, 2];

/** The greedy answer of at most `most` tokens, without BOS and EOS. */
export function greedyAnswer(
  model: PortableModel,
  { source, most }: { readonly source: readonly number[]; readonly most: number },
): readonly number[] {
  const isEncoderDecoder = model.capacities.source > 0;
  if (isEncoderDecoder) model.encode(source);
  else model.rewind(0);
  const answer: number[] = [];
  let logits = model.step(isEncoderDecoder ? [BOS] : [...source, BOS]);
  while (answer.length < most) {
    const token = logits.indexOf(Math.max(...logits));
    if (token === EOS) break;
    answer.push(token);
    if (answer.length < most) logits = model.step([token]);
  }
  return answer;
}
