/** A portable model in memory: its description, its program, and models that share the weights. */
import { readFile } from "node:fs/promises";
import { PortableModel, readPortable, type PortableProgram } from "@slm/c-export/portable";
import { readFailure, resolveInside, SlmError } from "@slm/core";
import { shortlistFile, type DeviceModel } from "@slm/exported-model";
import { answersOf, type LexicalShortlist } from "@slm/generation";
import { describeModel, type ModelDescription } from "../load/describe-model.js";
import { readShortlist } from "../load/read-shortlist.js";

export class PortableParts {
  readonly description: ModelDescription;
  readonly #program: PortableProgram;
  readonly #lexical: LexicalShortlist | undefined;
  readonly #first: PortableModel;
  readonly #free: PortableModel[];

  private constructor(
    description: ModelDescription,
    program: PortableProgram,
    { lexical, first }: { readonly lexical: LexicalShortlist | undefined; readonly first: PortableModel },
  ) {
    this.description = description;
    this.#program = program;
    this.#lexical = lexical;
    this.#first = first;
    this.#free = [first];
  }

  /**
   * Reads the portable form of a model.
   *
   * @param module the WebAssembly module with the kernels: its bytes, or compiled
   * @throws SlmError INPUT_MISSING for a missing file; DATA_INVALID for one that is corrupt or belongs to another model
   */
  static async open(directory: string, module: BufferSource | WebAssembly.Module): Promise<PortableParts> {
    const description = await describeModel(directory);
    const { model } = description;
    const lexical = await readShortlist(directory, model, shortlistFile(model));
    const program = await readProgram(directory, model);
    return new PortableParts(description, program, {
      lexical,
      first: await PortableModel.open(module, program),
    });
  }

  /** Whether sources have an encoder; else they are the first tokens of the decoder. */
  get hasEncoder(): boolean {
    return this.#program.encode !== undefined;
  }

  /** Models for the rows of an answer. Give them back when it has ended. */
  take(count: number): readonly PortableModel[] {
    return Array.from({ length: count }, () => this.#free.pop() ?? this.#first.sibling());
  }

  giveBack(models: readonly PortableModel[]): void {
    this.#free.push(...models);
  }

  /** `[vocab]`, 0 for tokens that an answer to the source cannot have; undefined if it can have all. */
  mayAnswer(source: readonly number[]): Uint8Array | undefined {
    const { answers, vocabulary } = this.#program;
    const may = this.#lexical && answersOf(this.#lexical, source);
    if (answers === undefined) return may;
    const both = new Uint8Array(vocabulary);
    for (const id of answers) both[id] = may?.[id] ?? 1;
    return both;
  }
}

async function readProgram(directory: string, model: DeviceModel): Promise<PortableProgram> {
  const { name, portable: [form] = [], vocabularySize, maxTarget, architecture } = model;
  if (form === undefined)
    throw new SlmError("OP_UNSUPPORTED", `${name}: the model has no portable form`, {
      suggestions: ["--engine onnxruntime"],
    });
  const file = resolveInside(directory, form.file);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw readFailure(error, file, ["slm export CHECKPOINT --target cpu"]);
  });
  const program = await readPortable(new Uint8Array(bytes), file);
  const isEncoderDecoder = program.encode !== undefined;
  if (
    program.vocabulary === vocabularySize &&
    program.capacities.target >= maxTarget &&
    isEncoderDecoder === (architecture === "encoder-decoder")
  )
    return program;
  throw new SlmError("DATA_INVALID", `${file}: belongs to another model than model.json describes`, {
    suggestions: ["slm export CHECKPOINT --target cpu"],
  });
}
