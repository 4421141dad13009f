/** Extracts commands and programs from a page of docs/how-to, for tests that run them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..");

/** The code blocks of a language on a page, in order. */
export async function blocksOf(page: string, language: string): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, "docs/how-to", page), "utf8");
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))];
  if (blocks.length === 0) throw new Error(`${page} has no block ${language}`);
  return blocks.map(([, block]) => block!);
}

/**
 * Parses a block of `slm` commands to arguments and ignores other programs' lines. @param replaced texts of the page and their replacements
 */
export function slmCommands(
  block: string,
  replaced: Readonly<Record<string, string>>,
): readonly (readonly string[])[] {
  return block
    .split("\n")
    .filter((line) => line.startsWith("slm "))
    .map((line) =>
      Object.entries(replaced).reduce((text, [printed, value]) => {
        return text.replace(printed, value);
      }, line),
    )
    .map((line) => argumentsOf(line).slice(1));
}

/** Splits a shell line into arguments, with quotes, up to a comment. */
const argumentsOf = (line: string): readonly string[] =>
  [...line.replace(/\s#.*$/u, "").matchAll(/"([^"]*)"|(\S+)/gu)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
