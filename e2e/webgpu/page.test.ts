/** Tests the page of `slm deploy --to web` with WebGPU in headless Chromium. */
import type { Server } from "node:http";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { serveFolder } from "../serving/serve-folder.js";
import { slm } from "../slm-process.js";
import { ON_WEBGPU, inRun, setting } from "./setting.js";

/** Prompts for every model. Every run's vocabulary contains their letters. */
const WORDS = ["abc", "deb", "decade", "bead"];

/** Settings with which Node finds a Vulkan driver. The browser has its own. */
const OF_NODE: ReadonlySet<string> = new Set(["VK_ICD_FILENAMES", "LD_LIBRARY_PATH"]);

/** Runs in the worker before its own code and counts submissions to the GPU. WebAssembly never submits any. */
const COUNTER = `
  const counted = new BroadcastChannel("dispatches");
  const dispatch = GPUComputePassEncoder.prototype.dispatchWorkgroups;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...sizes) {
    counted.postMessage(1);
    return dispatch.apply(this, sizes);
  };`;

const root = temporaryFolder();
let browser: Browser;
let page: Page;
const servers: Server[] = [];

beforeAll(async () => {
  await slm("export", inRun("distill"), "--target", "web", "-o", at("float32"));
  await slm("export", inRun("distill"), "--target", "cpu", "-o", at("cpu"));
  await slm("quantize", at("float32"), "--scheme", "int4-block", "-o", at("int4-block"));
  // Containers run tests as root, where Chromium has no sandbox.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const software = process.env["VK_ICD_FILENAMES"] === undefined ? [] : ["--use-webgpu-adapter=swiftshader"];
  const env = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OF_NODE.has(entry[0]),
  );
  browser = await chromium.launch({
    executablePath: setting("SLM_TEST_CHROMIUM"),
    args: [...sandbox, "--enable-unsafe-webgpu", ...software],
    env: Object.fromEntries(env),
  });
});
afterAll(async () => {
  await browser.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(async () => {
  // A service worker would fetch the worker's code itself, past the route below.
  page = await browser.newPage({ serviceWorkers: "block" });
  await page.route("**/model-worker.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${COUNTER}\n${await response.text()}` });
  });
  await page.addInitScript(`
    window.dispatches = 0;
    new BroadcastChannel("dispatches").onmessage = () => { window.dispatches++; };`);
});
afterEach(() => page.close());

const at = (name: string): string => join(root, name);

/** Serves a model's page, opens it and selects the device. */
async function openOn(model: string, provider: "wasm" | "webgpu"): Promise<void> {
  const site = at(`${model}-${provider}-site`);
  await slm("deploy", at(model), "--to", "web", "--engine", "onnxruntime", "-o", site);
  const { server, url } = await serveFolder(site);
  servers.push(server);
  await page.goto(url);
  await page
    .getByText(/^Runs on wasm/)
    .or(page.getByRole("alert"))
    .first()
    .waitFor({ timeout: 120_000 });
  if (provider === "webgpu") await page.getByLabel("Runs on").selectOption(provider);
}

/** Types a text, presses Enter and waits for the answer. */
async function ask(text: string): Promise<string> {
  await page.getByLabel("Text").fill(text);
  await page.getByLabel("Text").press("Enter");
  await page.getByText(/^(Done|No answer)$/).waitFor({ timeout: 120_000 });
  return (await page.getByRole("region", { name: "Answer" }).last().textContent()) ?? "";
}

const dispatches = (): Promise<number> => page.evaluate<number>("window.dispatches");

/** Answers of the command line on a device. */
async function answersOn(model: string, ...device: readonly string[]): Promise<string[]> {
  const flags = WORDS.flatMap((prompt) => ["--prompt", prompt]);
  const { generations } = (await slm("generate", at(model), ...flags, ...device)) as {
    generations: { text: string }[];
  };
  return generations.map(({ text }) => text);
}

const ON_CPU = ["--device", "cpu"] as const;

/** The expected answers: the CPU's, or WebGPU's in Node if rounding of activations could change near ties. */
const MODELS = [
  { model: "float32", device: ON_CPU },
  { model: "int4-block", device: ON_WEBGPU },
] as const;

test.each(MODELS)(
  "$model: gives the texts of $device, computed by WebGPU, and names the adapter",
  async ({ model, device }) => {
    await openOn(model, "webgpu");
    const ready = page.getByText(/^Runs on webgpu, browser, /);
    await ready.waitFor({ timeout: 120_000 });
    const isSoftware = ((await ready.textContent()) ?? "").includes("(software adapter)");
    const [offered] = await page.getByLabel("Runs on").locator("option:checked").allTextContents();
    expect(offered).toMatch(/^WebGPU: \S+/);
    expect(offered!.includes("(software adapter)")).toBe(isSoftware);
    const before = await dispatches();
    const texts: string[] = [];
    for (const word of WORDS) texts.push(await ask(word));
    expect(texts).toEqual(await answersOn(model, ...device));
    // A step for one token runs dozens of kernels.
    await expect.poll(dispatches).toBeGreaterThan(before + 10 * WORDS.length);
    const rate = (await page.locator("#rate").textContent()) ?? "";
    expect(rate.endsWith(" (software adapter)")).toBe(isSoftware);
  },
);

test("WebAssembly hands nothing to the GPU, and no time of it is called a software adapter's", async () => {
  await openOn("float32", "wasm");
  await ask(WORDS[0]!);
  expect(await dispatches()).toBe(0);
  expect(await page.locator("#rate").textContent()).toMatch(/^\d+\.\d tokens\/s$/);
});

test("rejects an export for target cpu with the reason, and goes on with WebAssembly", async () => {
  await openOn("cpu", "webgpu");
  await page.getByText("The model could not be loaded").waitFor({ timeout: 120_000 });
  expect(await page.getByRole("alert").textContent()).toMatch(/GroupQueryAttention with causal=0/);
  await page.getByLabel("Runs on").selectOption("wasm");
  await page.getByText(/^Runs on wasm/).waitFor({ timeout: 120_000 });
  expect(await ask(WORDS[0]!)).toBe((await answersOn("cpu", ...ON_CPU))[0]);
});
