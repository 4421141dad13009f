/** Reads the body of a request. Limits the size of each body and of all bodies together. */
import type { HttpBindings } from "@hono/node-server";
import { SlmError } from "@slm/core";
import type { Context } from "hono";
import { ClientGone, Rejected } from "./http-error.js";

/** Most bytes of all bodies being read or processed. Beyond it a request is rejected as busy. */
const MOST_BYTES = 2 ** 28;

export class RequestBodies {
  #bytes = 0;
  readonly #most: number;

  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /**
   * Reads a body and passes it on. Its bytes count until it has been processed, or the answer's stream starts.
   *
   * @throws Rejected for more than `largest` bytes; ClientGone if the client closes the connection before the end; SlmError BUSY if
   * all bodies together are too large.
   */
  async read<Result>(
    context: Context,
    largest: number,
    work: (body: Uint8Array<ArrayBuffer>) => Promise<Result>,
  ): Promise<Result> {
    let counted = 0;
    const count = (bytes: number): void => {
      counted += bytes;
      this.#bytes += bytes;
      if (counted > largest) throw new Rejected("tooLarge");
      if (this.#bytes > this.#most)
        throw new SlmError("BUSY", "too many large requests are being read; try again in a moment");
    };
    try {
      if (Number(context.req.header("content-length") ?? 0) > largest) throw new Rejected("tooLarge");
      const chunks: Uint8Array[] = [];
      for await (const chunk of chunksOf(context)) {
        count(chunk.length);
        chunks.push(chunk);
      }
      return await work(joined(chunks, counted));
    } finally {
      this.#bytes -= counted;
    }
  }
}

/** Without a server, as in tests, an application has no bindings and reads the body of a `Request`. */
async function* chunksOf(context: Context): AsyncGenerator<Uint8Array> {
  const incoming = (context.env as Partial<HttpBindings> | undefined)?.incoming;
  // A body that is too large is not read to its end, but the connection must stay open for the error response.
  const chunks: AsyncIterable<unknown> | Iterable<never> =
    incoming?.iterator({ destroyOnReturn: false }) ?? context.req.raw.body ?? [];
  try {
    for await (const chunk of chunks) yield chunk as Uint8Array;
  } catch {
    throw new ClientGone(); // The stream fails if the client disconnects before the end of its body.
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
