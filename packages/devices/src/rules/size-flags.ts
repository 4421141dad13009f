/** The flags that fix the sizes of a model's inputs. */
import { isSymbol, sizeTemplates, type ModelOutline, type UntypedValue } from "@slm/onnx";

/** A word of a command line as a shell reads it. */
function quoted(word: string): string {
  return /^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** All of them, in one order; `N` where a number has to be chosen. Empty where all sizes are known. */
export function sizeFlags(model: Pick<ModelOutline, "inputs" | "initializers">): readonly string[] {
  return sizeTemplates(model).map((template) => `--shape ${quoted(template)}`);
}

/** Those that one input needs. */
export function sizeFlagsOf(
  input: UntypedValue,
  model: Pick<ModelOutline, "inputs" | "initializers">,
): readonly string[] {
  const names = new Set([input.name, ...(input.shape ?? []).filter(isSymbol)]);
  return sizeTemplates(model)
    .filter((template) => names.has(template.slice(0, template.lastIndexOf("="))))
    .map((template) => `--shape ${quoted(template)}`);
}
