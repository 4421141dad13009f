/** Sources that come with slm: rows out of a package or out of a program instead of out of files. */
import { z } from "zod";
import { scanCmudict } from "./cmudict.js";
import type { ScannedLine } from "./read-rows.js";

const cmudictSource = z.strictObject({
  kind: z.literal("cmudict"),
  stress: z.boolean().default(false).describe("Keep the stress digits of vowels (AH0, AH1, AH2)."),
});

/** To add a source: its settings here, its row in {@link SCANNERS}. */
export const sourceConfig = z.discriminatedUnion("kind", [cmudictSource]);
export type SourceConfig = z.infer<typeof sourceConfig>;

/** What a recipe reads that names neither a source nor files. */
export const DEFAULT_SOURCE: SourceConfig = { kind: "cmudict", stress: false };

type Scan<Settings> = (settings: Settings) => AsyncIterable<ScannedLine>;

/** Rows of each source, the same ones in the same order every time: a kind without a row does not compile. */
const SCANNERS: {
  readonly [Kind in SourceConfig["kind"]]: Scan<Extract<SourceConfig, { readonly kind: Kind }>>;
} = {
  cmudict: ({ stress }) => scanCmudict(stress),
};

/** Every entry of a source as a row or as a rejection; `line` is the entry's place in the source. */
export function scanSource(settings: SourceConfig): AsyncIterable<ScannedLine> {
  const scan: Scan<SourceConfig> = SCANNERS[settings.kind];
  return scan(settings);
}
