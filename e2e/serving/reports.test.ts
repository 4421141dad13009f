/** Checks every report of a run on a phone, on a screen and on paper. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { slm } from "../slm-process.js";
import { bundle, setting } from "./command-line.js";

/** Widths of a phone, a laptop, and A4 paper without margins [CSS pixels]. */
const WIDTHS = { telephone: 390, laptop: 1280, paper: 688 } as const;

const run = dirname(bundle);
const root = temporaryFolder();
let browser: Browser;
let pages: string[];

beforeAll(async () => {
  const whole = join(root, "run.html");
  await slm("report", run, "-o", whole);
  const stages = ["teacher", "distill", "bench"].map((stage) => join(run, stage, "report.html"));
  pages = [whole, ...stages.filter((file) => existsSync(file))];
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: setting("SLM_TEST_CHROMIUM"), args });
});
afterAll(async () => {
  await browser.close();
});

/** Opens every report, one after another. */
async function withPages(
  width: number,
  media: "screen" | "print",
  body: (page: Page, file: string) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  try {
    for (const file of pages) {
      const page = await context.newPage();
      await page.emulateMedia({ media });
      await page.goto(pathToFileURL(file).href);
      await body(page, file);
    }
  } finally {
    await context.close();
  }
}

/** Texts in tables that are wider than their box. */
const wideTables = (page: Page): Promise<string[]> =>
  page.$$eval("table", (tables) =>
    tables
      .filter((table) => table.scrollWidth > (table.parentElement?.clientWidth ?? 0) + 1)
      .map((table) => table.innerText.slice(0, 60)),
  );

describe("reports", () => {
  test.each([
    ["telephone", "screen"],
    ["laptop", "screen"],
    ["paper", "print"],
  ] as const)("never scroll sideways on a %s", async (width, media) => {
    await withPages(WIDTHS[width], media, async (page, file) => {
      const { scrollWidth, innerWidth } = await page.evaluate(() => ({
        scrollWidth: document.documentElement.scrollWidth,
        innerWidth: window.innerWidth,
      }));
      expect(scrollWidth, file).toBeLessThanOrEqual(innerWidth);
    });
  });

  test.each([
    ["laptop", "screen"],
    ["paper", "print"],
  ] as const)("have tables that fit a %s", async (width, media) => {
    await withPages(WIDTHS[width], media, async (page, file) => {
      expect(await wideTables(page), file).toEqual([]);
    });
  });

  test("fold long sections on a screen, and open them on paper", async () => {
    const heights = async (media: "screen" | "print"): Promise<readonly number[]> => {
      const found: number[] = [];
      await withPages(WIDTHS.paper, media, async (page) => {
        found.push(...(await page.$$eval("details", (all) => all.map((one) => one.offsetHeight))));
      });
      return found;
    };
    const [onScreen, onPaper] = [await heights("screen"), await heights("print")];
    expect(onScreen.length).toBeGreaterThan(0);
    onScreen.forEach((height, index) => {
      expect(onPaper[index]).toBeGreaterThan(2 * height);
    });
  });
});
