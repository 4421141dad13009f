/** Builds the flags that fix the sizes of a model's inputs. */
import { isSymbol, sizeTemplates, type ModelOutline, type UntypedValue } from "@slm/onnx";

/** Quotes a word for a shell. */
function quoted(word: string): string {
  return /^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** The flags for all inputs, in a fixed order, with `N` for a number to choose. Empty if all sizes are known. */
export function sizeFlags(model: Pick<ModelOutline, "inputs" | "initializers">): readonly string[] {
  return sizeTemplates(model).map((template) => `--shape ${quoted(template)}`);
}

/** Flags for one input. */
export function sizeFlagsOf(
  input: UntypedValue,
  model: Pick<ModelOutline, "inputs" | "initializers">,
): readonly string[] {
  const names = new Set([input.name, ...(input.shape ?? []).filter(isSymbol)]);
  return sizeTemplates(model)
    .filter((template) => names.has(template.slice(0, template.lastIndexOf("="))))
    .map((template) => `--shape ${quoted(template)}`);
}
