/** The texts of a batch's rows while they grow, cut at stop sequences. */
import { StopText, textBeforeStop } from "./stop-text.js";
import { TextStream } from "./text-stream.js";

interface RowTextsOptions {
  readonly decode: (ids: readonly number[]) => string;
  /** Index of each row's source in the caller's list. */
  readonly rows: readonly number[];
  readonly stop: readonly string[];
  readonly onPiece: ((row: number, piece: string) => void) | undefined;
}

interface RowText {
  readonly stream: TextStream;
  readonly cut: StopText;
}

export class RowTexts {
  readonly #options: RowTextsOptions;
  /** Undefined without streaming and stop sequences; the text is then decoded once, at the end. */
  readonly #texts: readonly RowText[];

  constructor(options: RowTextsOptions) {
    const { decode, rows, stop, onPiece } = options;
    this.#options = options;
    const isWatched = onPiece !== undefined || stop.length > 0;
    this.#texts = (isWatched ? rows : []).map((row) => {
      const cut = new StopText(stop, (piece) => onPiece?.(row, piece));
      const stream = new TextStream(decode, row, (_, piece) => {
        cut.push(piece);
      });
      return { stream, cut };
    });
  }

  /** Adds a row's next token and returns the text that has become final. */
  push(at: number, token: number): void {
    this.#texts[at]?.stream.push(token);
  }

  /** Whether a row's text has reached a stop sequence. */
  isStopped(at: number): boolean {
    return this.#texts[at]?.cut.isStopped === true;
  }

  /** Whether the text of these tokens contains a stop sequence. */
  holdsStop(tokens: readonly number[]): boolean {
    const { decode, stop } = this.#options;
    return textBeforeStop(decode(tokens), stop) !== undefined;
  }

  /** Emits the rest of a row's text. @returns the whole text */
  end(at: number, tokens: readonly number[]): string {
    const text = this.#texts[at];
    text?.stream.end();
    text?.cut.end();
    const whole = this.#options.decode(tokens);
    return textBeforeStop(whole, this.#options.stop) ?? whole;
  }
}
