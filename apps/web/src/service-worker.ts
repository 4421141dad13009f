/** Caches the page and the bundle for offline use, with one cache per deployed version. */
import { fileUrl, type Site } from "./messages.js";

/** The part of a service worker's API that this file uses. TypeScript cannot load the types of workers and pages together. */
interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface ServiceWorkerScope {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}

const scope = self as unknown as ServiceWorkerScope;
const PREFIX = "slm-";
const CACHE = `${PREFIX}${new URL(scope.location.href).searchParams.get("version") ?? "0"}`;
/** The GPU build is large and rarely needed, so it is cached only after its first use. */
const ON_DEMAND = "gpu/";
/** These files state the current version, so they are requested from the network first. */
const FRESH = /\/(?:site\.json|index\.html)?$/;

scope.addEventListener("install", (event) => {
  event.waitUntil(keepSite().then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(dropOld().then(() => scope.clients.claim()));
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.location.origin) return;
  event.respondWith(FRESH.test(url.pathname) ? networkFirst(request) : cacheFirst(request));
});

async function keepSite(): Promise<void> {
  const base = new URL("./", scope.location.href).href;
  const site = (await (await fetch("site.json", { cache: "no-cache" })).json()) as Site;
  const shell = site.shell
    .filter((path) => !path.startsWith(ON_DEMAND))
    .map((path) => new URL(path, base).href);
  const cache = await caches.open(CACHE);
  await cache.addAll([
    base,
    new URL("site.json", base).href,
    ...shell,
    // Their addresses contain their hashes, so what the browser has is what the server has.
    ...site.files.map((file) => new Request(fileUrl(base, file), { cache: "force-cache" })),
  ]);
}

async function dropOld(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
  );
}

async function networkFirst(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(request);
    if (kept === undefined) throw error;
    return kept;
  }
}

async function cacheFirst(request: Request): Promise<Response> {
  const kept = await caches.match(request);
  if (kept !== undefined) return kept;
  const response = await fetch(request);
  if (response.ok) await (await caches.open(CACHE)).put(request, response.clone());
  return response;
}
