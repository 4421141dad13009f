/** Limits of a server. Every default is written here. */
import { z } from "zod";

export const serveConfig = z.strictObject({
  host: z.string().min(1).default("127.0.0.1").describe("Address to listen on; 0.0.0.0 for every interface."),
  port: z.int().min(0).max(65_535).default(8000).describe("Port; 0 takes a free one."),
  maxRows: z.int().min(1).max(1024).default(64).describe("Most requests decoded together."),
  maxWaiting: z
    .int()
    .min(1)
    .max(100_000)
    .default(512)
    .describe("Most requests that wait; the next gets 429."),
  maxBatch: z.int().min(1).max(1024).default(64).describe("Most sources in one request."),
  maxBodyBytes: z
    .int()
    .min(1024)
    .max(2 ** 28)
    .default(2 ** 20)
    .describe("Largest request body without its image [bytes]."),
  maxImageBytes: z
    .int()
    .min(1024)
    .max(2 ** 26)
    .default(8 * 2 ** 20)
    .describe("Largest image, of vision-language models [bytes]."),
  maxImagePixels: z
    .int()
    .min(1024)
    .max(100_000_000)
    .default(25_000_000)
    .describe("Most pixels of an image: it takes three bytes of memory each while it is read."),
  timeoutSeconds: z.number().positive().max(3600).default(60).describe("Longest time for one request [s]."),
  drainSeconds: z
    .number()
    .nonnegative()
    .max(3600)
    .default(30)
    .describe("How long a stopping server waits for answers [s]."),
});

export type ServeConfig = z.infer<typeof serveConfig>;
