/** The commands and programs of a page of docs/how-to, for tests that run them as they are printed there. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..");

/** The blocks of a language on a page, in their order. */
export async function blocksOf(page: string, language: string): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, "docs/how-to", page), "utf8");
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))];
  if (blocks.length === 0) throw new Error(`${page} has no block ${language}`);
  return blocks.map(([, block]) => block!);
}

/** A block of `slm` commands as arguments; lines of other programs are left out. @param replaced texts of the page and what stands for them */
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

/** Arguments of a line of a shell, with quotes; a comment ends it. */
const argumentsOf = (line: string): readonly string[] =>
  [...line.replace(/\s#.*$/u, "").matchAll(/"([^"]*)"|(\S+)/gu)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
