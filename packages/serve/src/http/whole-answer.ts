/** Writes the JSON of an answer that is not streamed. */
import type { TextAnswer } from "../model/text-request.js";
import { isSliceOver, nextSlice } from "../batching/time-slices.js";
import type { ResponseHead } from "./answer.js";

export interface WholeForm {
  /** Key of the list that has one item per source. */
  readonly list: string;
  readonly item: (answer: TextAnswer, index: number) => object;
  /** The other members. */
  readonly rest: (head: ResponseHead, answers: readonly TextAnswer[]) => object;
}

/** Item by item, because log-probabilities of many sources are megabytes. Other requests are served in between. */
export async function wholeText(
  { list, item, rest }: WholeForm,
  head: ResponseHead,
  answers: readonly TextAnswer[],
): Promise<string> {
  const items: string[] = [];
  for (const [index, answer] of answers.entries()) {
    if (isSliceOver()) await nextSlice();
    items.push(JSON.stringify(item(answer, index)));
  }
  const members = Object.entries(rest(head, answers)).map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  );
  return `{${[...members, `${JSON.stringify(list)}:[${items.join(",")}]`].join(",")}}`;
}
