/** An extension with a labeller: a list of words and their translations labels sources word by word. */
import { readFile } from "node:fs/promises";
import { SlmError, defineExtension, defineLabeller } from "@encdec/slm";

const glossary = defineLabeller<{ readonly file: string }>({
  description: "a glossary, word by word",
  settings: {
    parse: (given) => {
      const { file } = given as { readonly file?: unknown };
      if (typeof file !== "string") throw new SlmError("CONFIG_INVALID", "glossary: expected file");
      return { file };
    },
  },
  open: async ({ file }) => {
    const words = JSON.parse(await readFile(file, "utf8")) as Readonly<Record<string, string | undefined>>;
    const translate = (source: string): string | undefined => {
      const found = source.split(" ").map((word) => words[word]);
      return found.includes(undefined) ? undefined : found.join(" ");
    };
    return {
      // No answer for a source with a word that the list lacks.
      answer: (sources) =>
        Promise.resolve(
          sources.map((source) => {
            const target = translate(source);
            return target === undefined ? undefined : { target, finished: true };
          }),
        ),
    };
  },
});

export default defineExtension({ name: "glossary", labellers: { glossary } });
