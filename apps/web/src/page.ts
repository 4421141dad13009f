/** The page: loads the model, reads a prompt, streams the answer and shows its speed. */
import { describeWebAdapter, findWebAdapter, type WebProvider } from "@slm/runtime-web";
import type { FromWorker, PageLanguages, Site, ToWorker } from "./messages.js";

/** The element with an id. @throws Error if the page does not have it */
function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`no element '${id}'`);
}

const form = element("form", HTMLFormElement);
const input = element("source", HTMLTextAreaElement);
const picture = element("picture", HTMLInputElement);
const preview = element("preview", HTMLImageElement);
const send = element("send", HTMLButtonElement);
const stop = element("stop", HTMLButtonElement);
const output = element("answer", HTMLElement);
const status = element("status", HTMLElement);
const problem = element("problem", HTMLElement);
const progress = element("progress", HTMLProgressElement);
const loading = element("loading", HTMLElement);
const figures = element("figures", HTMLElement);
const sureness = element("sureness", HTMLElement);
const examples = element("examples", HTMLElement);
const runtime = element("runtime", HTMLElement);
const device = element("device", HTMLSelectElement);
const sourceLanguage = element("source-language", HTMLSelectElement);
const targetLanguage = element("target-language", HTMLSelectElement);

let worker: Worker | undefined;
/** Vision settings of the loaded model. */
let sees: Extract<FromWorker, { kind: "ready" }>["sees"];
/** Whether software emulates the GPU, so that times are not those of a GPU. */
let simulated = false;

function tell(message: ToWorker): void {
  worker?.postMessage(message);
}

async function start(): Promise<void> {
  const site = (await (await fetch("site.json")).json()) as Site;
  document.title = site.title;
  element("title", HTMLElement).textContent = site.title;
  if (site.summary !== undefined) show(element("summary", HTMLElement), site.summary);
  offerExamples(site.examples ?? []);
  if (site.engine === "onnxruntime") await offerGpu();
  loadModel(site);
  device.addEventListener("change", () => {
    loadModel(site);
  });
}

/** A button for each input to try, which asks it at once. */
function offerExamples(texts: readonly string[]): void {
  const buttons = texts.map((text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => {
      if (send.disabled) return;
      input.value = text;
      form.requestSubmit();
    });
    return button;
  });
  examples.replaceChildren(...buttons);
  examples.hidden = texts.length === 0;
}

/** WebGPU is offered where the browser has an adapter; WebAssembly runs everywhere and stays the choice until then. */
async function offerGpu(): Promise<void> {
  const adapter = await findWebAdapter();
  if (adapter === undefined) return;
  device.add(new Option(`WebGPU: ${describeWebAdapter(adapter)}`, "webgpu"));
  element("device-choice", HTMLElement).hidden = false;
}

function loadModel(site: Site): void {
  worker?.terminate();
  worker = new Worker(site.worker, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    onMessage(data);
  };
  worker.onerror = () => {
    show(problem, "The model's worker could not be started.");
  };
  setBusy(true);
  loading.hidden = false;
  runtime.textContent = "";
  status.textContent = "Loading the model";
  tell({ kind: "load", site, base: document.baseURI, provider: device.value as WebProvider });
}

function onMessage(message: FromWorker): void {
  switch (message.kind) {
    case "progress":
      progress.max = message.total;
      progress.value = message.loaded;
      progress.textContent = `${Math.floor((100 * message.loaded) / message.total)} %`;
      return;
    case "ready":
      loading.hidden = true;
      status.textContent = "Ready";
      runtime.textContent = `Runs on ${message.device}, ${message.threads} ${message.threads === 1 ? "thread" : "threads"}. Loaded in ${(message.loadMs / 1000).toFixed(1)} s.`;
      ({ sees, simulated } = message);
      element("picture-choice", HTMLElement).hidden = sees === undefined;
      input.placeholder = sees?.prompt ?? "";
      offerLanguages(message.languages);
      setBusy(false);
      // A page that embeds this one keeps its own focus.
      if (window.parent === window) input.focus();
      // The files are in the browser's cache now, so that they are not downloaded twice.
      void keepOffline(message.version);
      return;
    case "piece":
      output.textContent += message.text;
      return;
    case "done":
      showFigures(message);
      if (message.abstained) endAnswer("No answer: the model is not sure enough");
      else endAnswer(message.stopped ? "Stopped" : "Done");
      return;
    case "failed":
      show(problem, message.message);
      loading.hidden = true;
      if (message.during === "answer") endAnswer("No answer");
      else status.textContent = "The model could not be loaded";
  }
}

/** Fills a list of languages, with the model's default first. The list is hidden for a model that needs no language. */
function offerLanguages(languages: PageLanguages | undefined): void {
  element("languages", HTMLElement).hidden = languages === undefined;
  if (languages === undefined) return;
  const { codes, source, target, tellsSource } = languages;
  element("source-language-choice", HTMLElement).hidden = !tellsSource;
  for (const [choice, own] of [
    [sourceLanguage, source],
    [targetLanguage, target],
  ] as const) {
    const first = new Option(own ?? "model's default", "");
    choice.replaceChildren(first, ...codes.filter((code) => code !== own).map((code) => new Option(code)));
  }
}

/** The chosen languages. */
function chosenLanguages(): { readonly source: string | undefined; readonly target: string | undefined } {
  const codeOf = ({ value }: HTMLSelectElement): string | undefined => (value === "" ? undefined : value);
  return { source: codeOf(sourceLanguage), target: codeOf(targetLanguage) };
}

function showFigures({
  tokens,
  confidence,
  firstTokenMs,
  tokensPerSecond,
}: Extract<FromWorker, { kind: "done" }>): void {
  const mark = simulated ? " (software adapter)" : "";
  element("first-token", HTMLElement).textContent = `${firstTokenMs.toFixed(1)} ms${mark}`;
  element("rate", HTMLElement).textContent = `${tokensPerSecond.toFixed(1)} tokens/s${mark}`;
  element("count", HTMLElement).textContent = String(tokens);
  figures.hidden = false;
  sureness.hidden = confidence === undefined;
  if (confidence === undefined) return;
  element("meter", HTMLMeterElement).value = confidence;
  // Rounded down: only a certain answer has 100 %.
  element("confidence", HTMLElement).textContent = `${Math.floor(100 * confidence)} %`;
}

function endAnswer(text: string): void {
  status.textContent = text;
  // Screen readers read the answer once, when it is complete.
  output.setAttribute("aria-busy", "false");
  setBusy(false);
  stop.disabled = true;
  input.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  const image = sees === undefined ? undefined : picture.files?.[0];
  const isComplete = text !== "" || (image !== undefined && sees?.prompt != null);
  if (!isComplete || send.disabled) return;
  problem.hidden = true;
  figures.hidden = true;
  sureness.hidden = true;
  output.textContent = "";
  output.setAttribute("aria-busy", "true");
  status.textContent = "Answering";
  setBusy(true);
  stop.disabled = false;
  tell({ kind: "answer", text, image, languages: chosenLanguages() });
});

picture.addEventListener("change", () => {
  const file = picture.files?.[0];
  URL.revokeObjectURL(preview.src);
  preview.hidden = file === undefined;
  if (file !== undefined) preview.src = URL.createObjectURL(file);
});

input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

stop.addEventListener("click", () => {
  tell({ kind: "stop" });
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !stop.disabled) tell({ kind: "stop" });
});

function setBusy(isBusy: boolean): void {
  send.disabled = isBusy;
}

function show(target: HTMLElement, text: string): void {
  target.textContent = text;
  target.hidden = false;
}

/** After the first visit the page works without a network. */
async function keepOffline(version: string): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register(`service-worker.js?version=${version}`);
  await navigator.serviceWorker.ready;
  document.documentElement.dataset["offline"] = "ready";
}

start().catch((error: unknown) => {
  show(problem, error instanceof Error ? error.message : String(error));
});
