/** The tokens that a published model adds around texts. */
import { z } from "zod";
import type { TokenizerConfigJson, TokenizerJson } from "../files/tokenizer-files.js";

type Languages = NonNullable<TokenizerConfigJson["languages"]>;

export interface Around {
  readonly prefix: readonly string[];
  readonly suffix: readonly string[];
  /** What is known without the vocabulary: the token of each language. */
  readonly languages?: Pick<Languages, "tokens" | "place" | "begins"> & {
    /** Language of sources if nothing names one. */
    readonly source: string | undefined;
  };
}

const NOTHING: Around = { prefix: [], suffix: [] };

const templateSchema = z.looseObject({
  single: z.array(
    z.union([
      z.looseObject({ SpecialToken: z.looseObject({ id: z.string() }) }),
      z.looseObject({ Sequence: z.looseObject({ id: z.string() }) }),
    ]),
  ),
  special_tokens: z.record(z.string(), z.looseObject({ tokens: z.array(z.string()) })),
});
const bracketSchema = z.looseObject({
  cls: z.tuple([z.string(), z.number()]),
  sep: z.tuple([z.string(), z.number()]),
});
const sequenceSchema = z.looseObject({ processors: z.array(z.looseObject({ type: z.string() })) });

type PostProcessor = NonNullable<TokenizerJson["post_processor"]>;

/** One entry per type of post-processor that adds tokens; other types add none. */
const PROCESSORS: Readonly<Record<string, (processor: PostProcessor) => Around>> = {
  TemplateProcessing(processor) {
    const { single, special_tokens: special } = templateSchema.parse(processor);
    const text = single.findIndex((part) => "Sequence" in part);
    const tokens = (from: number, to: number): string[] =>
      single
        .slice(from, to)
        .flatMap((part) => ("SpecialToken" in part ? (special[idOf(part)]?.tokens ?? []) : []));
    return { prefix: tokens(0, text), suffix: tokens(text + 1, single.length) };
  },
  RobertaProcessing: brackets,
  BertProcessing: brackets,
  Sequence(processor) {
    const parts = sequenceSchema.parse(processor).processors.map(aroundByProcessor);
    return {
      prefix: [...parts].reverse().flatMap(({ prefix }) => prefix),
      suffix: parts.flatMap(({ suffix }) => suffix),
    };
  },
};

/** Returns the tokens that the post-processor of a `tokenizer.json` adds. @throws ZodError if the post-processor is invalid */
export function aroundByProcessor(processor: TokenizerJson["post_processor"]): Around {
  if (processor === null || !Object.hasOwn(PROCESSORS, processor.type)) return NOTHING;
  return PROCESSORS[processor.type]!(processor);
}

function brackets(processor: PostProcessor): Around {
  const { cls, sep } = bracketSchema.parse(processor);
  return { prefix: [cls[0]], suffix: [sep[0]] };
}

function idOf(part: Readonly<Record<string, unknown>>): string {
  return z.looseObject({ id: z.string() }).parse(part["SpecialToken"]).id;
}
