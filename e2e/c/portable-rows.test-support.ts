/** A decoder with several rows, each a model of its own. */
import type { PortableModel } from "@slm/c-export";
import type { StepDecoder } from "@slm/generation";

export class PortableRows implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly #models: readonly PortableModel[];
  /** Tokens that each row has read. */
  #read: readonly (readonly number[])[];

  constructor(models: readonly PortableModel[], source: readonly number[], isEncoderDecoder: boolean) {
    this.rows = models.length;
    this.vocabularySize = models[0]!.vocabulary;
    this.#models = models;
    const prompt = isEncoderDecoder ? [] : source.slice(0, -1);
    for (const model of models) {
      if (isEncoderDecoder) model.encode(source);
      for (const token of prompt) model.step([token]);
    }
    this.#read = models.map(() => prompt);
  }

  step(tokens: Int32Array): Promise<Float32Array> {
    const logits = this.#models.flatMap((model, row) => [...model.step([tokens[row]!])]);
    this.#read = this.#read.map((read, row) => [...read, tokens[row]!]);
    return Promise.resolve(Float32Array.from(logits));
  }

  /** Reads the tokens of the other row again. */
  permuteRows(rows: readonly number[]): Promise<void> {
    const read = rows.map((row) => this.#read[row]!);
    this.#models.forEach((model, row) => {
      if (rows[row] === row) return;
      model.rewind(0);
      for (const token of read[row]!) model.step([token]);
    });
    this.#read = read;
    return Promise.resolve();
  }
}
