/** Sources that come with slm: rows out of a package or out of a program instead of out of files. */
import { z } from "zod";
import { ASSISTANT_TEST_FILE, assistantSource, scanAssistant } from "./assistant/assistant-source.js";
import { scanCmudict } from "./cmudict.js";
import type { ScannedLine } from "./read-rows.js";

const cmudictSource = z.strictObject({
  kind: z.literal("cmudict"),
  stress: z.boolean().default(false).describe("Keep the stress digits of vowels (AH0, AH1, AH2)."),
});

/** To add a source: its settings here, its row in {@link SOURCES}. */
export const sourceConfig = z.discriminatedUnion("kind", [cmudictSource, assistantSource]);
export type SourceConfig = z.infer<typeof sourceConfig>;

/** What a recipe reads that names neither a source nor files. */
export const DEFAULT_SOURCE: SourceConfig = { kind: "cmudict", stress: false };

type Kind = SourceConfig["kind"];
type SettingsOf<K extends Kind> = Extract<SourceConfig, { readonly kind: K }>;

interface Source<Settings> {
  readonly scan: (settings: Settings) => AsyncIterable<ScannedLine>;
  /** Rows that were made to test on; without them some are set aside. */
  readonly testFile?: string;
}

/** Each source gives the same rows in the same order every time. A kind without a row does not compile. */
const SOURCES: { readonly [K in Kind]: Source<SettingsOf<K>> } = {
  cmudict: { scan: ({ stress }) => scanCmudict(stress) },
  assistant: { scan: scanAssistant, testFile: ASSISTANT_TEST_FILE },
};

/** Every entry of a source as a row or as a rejection; `line` is the entry's place in the source. */
export function scanSource(settings: SourceConfig): AsyncIterable<ScannedLine> {
  switch (settings.kind) {
    case "cmudict":
      return SOURCES.cmudict.scan(settings);
    case "assistant":
      return SOURCES.assistant.scan(settings);
  }
}

/** The file of test rows that comes with a source, if any. */
export function testFileOf({ kind }: SourceConfig): string | undefined {
  return SOURCES[kind].testFile;
}
