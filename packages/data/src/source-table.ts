/** Sources that come with slm: rows out of a package or out of a program instead of out of files. */
import { z } from "zod";
import { ASSISTANT_TEST_FILE, assistantSource, scanAssistant } from "./assistant/assistant-source.js";
import { scanCmudict } from "./cmudict.js";
import { drawnPictures, type DrawPictures } from "./images/drawn-pictures.js";
import type { PictureSource } from "./images/picture.js";
import { ocrLineDrawer, ocrLinesSource, scanOcrLines } from "./ocr/ocr-lines.js";
import type { ScannedLine } from "./read-rows.js";
import { sceneDrawer, scanScenes, scenesSource } from "./scenes/scenes-source.js";

const cmudictSource = z.strictObject({
  kind: z.literal("cmudict"),
  stress: z.boolean().default(false).describe("Keep the stress digits of vowels (AH0, AH1, AH2)."),
});

/** To add a source: its settings here, its row in {@link SOURCES}. */
export const sourceConfig = z.discriminatedUnion("kind", [
  cmudictSource,
  assistantSource,
  ocrLinesSource,
  scenesSource,
]);
export type SourceConfig = z.infer<typeof sourceConfig>;

/** What a recipe reads that names neither a source nor files. */
export const DEFAULT_SOURCE: SourceConfig = { kind: "cmudict", stress: false };

type Kind = SourceConfig["kind"];
type SettingsOf<K extends Kind> = Extract<SourceConfig, { readonly kind: K }>;

interface Source<Settings> {
  readonly scan: (settings: Settings) => AsyncIterable<ScannedLine>;
  /** Draws the pictures of its rows, for a source whose rows have some. */
  readonly draw?: (settings: Settings) => DrawPictures;
  /** Rows that were made to test on; without them some are set aside. */
  readonly testFile?: string;
}

/** Each source gives the same rows in the same order every time. A kind without a row does not compile. */
const SOURCES: { readonly [K in Kind]: Source<SettingsOf<K>> } = {
  cmudict: { scan: ({ stress }) => scanCmudict(stress) },
  assistant: { scan: scanAssistant, testFile: ASSISTANT_TEST_FILE },
  "ocr-lines": { scan: scanOcrLines, draw: ocrLineDrawer },
  scenes: { scan: scanScenes, draw: sceneDrawer },
};

/** A source with its settings. */
export interface OpenSource {
  /** Every entry as a row or as a rejection; `line` is the entry's place in the source. */
  readonly scan: () => AsyncIterable<ScannedLine>;
  readonly pictures?: PictureSource;
}

export function openSource(settings: SourceConfig): OpenSource {
  switch (settings.kind) {
    case "cmudict":
      return open(SOURCES.cmudict, settings);
    case "assistant":
      return open(SOURCES.assistant, settings);
    case "ocr-lines":
      return open(SOURCES["ocr-lines"], settings);
    case "scenes":
      return open(SOURCES.scenes, settings);
  }
}

function open<Settings>({ scan, draw }: Source<Settings>, settings: Settings): OpenSource {
  return {
    scan: () => scan(settings),
    ...(draw === undefined ? {} : { pictures: drawnPictures(draw(settings)) }),
  };
}

/** The file of test rows that comes with a source, if any. */
export function testFileOf({ kind }: SourceConfig): string | undefined {
  return SOURCES[kind].testFile;
}
