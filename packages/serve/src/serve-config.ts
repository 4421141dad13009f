/** Settings of a server, with all defaults. */
import { z } from "zod";

export const serveConfig = z.strictObject({
  host: z.string().min(1).default("127.0.0.1").describe("Address to listen on; 0.0.0.0 for every interface."),
  port: z.int().min(0).max(65_535).default(8000).describe("Port; 0 picks a free one."),
  maxRows: z.int().min(1).max(1024).default(64).describe("Largest batch: requests decoded together [rows]."),
  maxWaiting: z
    .int()
    .min(1)
    .max(100_000)
    .default(512)
    .describe("Length of the queue; further requests are rejected with 429."),
  maxBatch: z.int().min(1).max(1024).default(64).describe("Largest number of sources in one request."),
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
    .describe("Largest number of pixels of an image. Reading takes three bytes of memory per pixel."),
  maxConnections: z
    .int()
    .min(1)
    .max(65_535)
    .default(1024)
    .describe(
      "Largest number of connections; a further one replaces the one that has waited longest. The system's limit of open files may lower it.",
    ),
  allowedHosts: z
    .array(z.string().min(1).max(253))
    .optional()
    .describe(
      "Names allowed in the Host header, in addition to those of this machine. Default: none on a loopback address, all on others.",
    ),
  headerSeconds: z
    .number()
    .positive()
    .max(60)
    .default(10)
    .describe("Longest time for the headers of a request [s]."),
  timeoutSeconds: z.number().positive().max(3600).default(60).describe("Longest time for one request [s]."),
  abstain: z
    .union([z.number().min(0).max(1), z.literal("off")])
    .optional()
    .describe(
      "Withhold answers with a lower confidence; off: withhold none. Default: the threshold in model.json, if there is one.",
    ),
  drainSeconds: z
    .number()
    .nonnegative()
    .max(3600)
    .default(30)
    .describe("How long a stopping server waits for answers in progress [s]."),
});

export type ServeConfig = z.infer<typeof serveConfig>;
