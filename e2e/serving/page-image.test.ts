/** A random vision-language model in the page of `slm deploy --to web` must answer like the command line for the same PNG file. */
import { writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SEEING_SHAPE } from "../../apps/cli/src/testing/tiny-shape.js";
import { slm } from "../slm-process.js";
import { setting } from "./command-line.js";
import { serveFolder } from "./serve-folder.js";

const FILES = new URL("../../packages/vision/fixtures/files/", import.meta.url);
const picture = (name: string): string => fileURLToPath(new URL(name, FILES));

const SHAPE = { ...SEEING_SHAPE, vision: { ...SEEING_SHAPE.vision, prompt: "?" } };

const root = temporaryFolder();
let server: Server;
let url: string;
let bundle: string;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  bundle = join(root, "bundle");
  await writeFile(join(root, "shape.yaml"), JSON.stringify(SHAPE));
  await slm("model", "init", join(root, "shape.yaml"), "-o", join(root, "checkpoint"));
  await slm("deploy", join(root, "checkpoint"), "--to", "dir", "-o", bundle);
  await slm("deploy", bundle, "--to", "web", "-o", join(root, "site"));
  ({ server, url } = await serveFolder(join(root, "site")));
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: setting("SLM_TEST_CHROMIUM"), args });
  page = await browser.newPage();
  await page.goto(url);
  await page.getByText(/^Runs on wasm/).waitFor({ timeout: 120_000 });
});
afterAll(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

/** Selects an image, asks a question, and waits for the answer. */
async function ask(name: string, text: string): Promise<string> {
  await page.getByLabel("Image").setInputFiles(picture(name));
  await page.getByLabel("Text").fill(text);
  await page.getByLabel("Text").press("Enter");
  await page.getByText(/^(Done|No answer)$/).waitFor();
  return (await page.getByRole("region", { name: "Answer" }).last().textContent()) ?? "";
}

async function expectedText(name: string, text: string): Promise<string> {
  const { text: answer } = await slm("generate", bundle, "--image", picture(name), "--prompt", text);
  return String(answer);
}

test("the page answers about an image what the command line answers", async () => {
  for (const [name, text] of [
    ["colour.png", "ab"],
    ["one-bit.png", "cde"],
    ["grey.png", "ab"],
  ] as const) {
    expect(await ask(name, text), name).toBe(await expectedText(name, text));
  }
  // A custom question.
  expect(await ask("colour.png", "")).toBe(await expectedText("colour.png", "?"));
  expect(await page.locator("#preview").isVisible()).toBe(true);
});

test("the page says what is no image", async () => {
  await page.getByLabel("Image").setInputFiles(fileURLToPath(new URL("../rejected/drawing.svg", FILES)));
  await page.getByLabel("Text").fill("ab");
  await page.getByLabel("Text").press("Enter");
  await page.getByText("No answer").waitFor();
  expect(await page.getByRole("alert").textContent()).toMatch(/cannot decode the image/);
});
