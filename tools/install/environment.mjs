/** Programs that only this test needs: a registry, package checkers and a browser. They are installed outside the repository. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { portOf } from "../lib/port-of.mjs";
import { USER_CACHE } from "../lib/user-cache.mjs";
import { debianProgram } from "../lib/debian-program.mjs";

/** verdaccio 6.8.0 is the last version for Node 20. One of its dependencies needs a tag of node-fetch that some registries lack. */
const TOOLS = {
  private: true,
  dependencies: { verdaccio: "6.8.0", publint: "0.3.25", "@arethetypeswrong/cli": "0.18.5" },
  overrides: { "node-fetch": "2.7.0" },
};

/** Installs the programs once for all runs on this machine. @returns their `node_modules` */
export async function toolModules() {
  const folder = join(USER_CACHE, "e2e-install", Object.values(TOOLS.dependencies).join("-"));
  const done = join(folder, "installed");
  if (!existsSync(done)) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify(TOOLS));
    execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: folder,
      stdio: "inherit",
    });
    await writeFile(done, "");
  }
  return join(folder, "node_modules");
}

/** npm settings for a registry with our scope. */
export const npmSettings = (/** @type {{ url: string; close: () => Promise<void>; }} */ { url }) =>
  // Any token works, because everyone may publish to the registry.
  `@encdec:registry=${url}\n//${new URL(url).host}/:_authToken=none\n`;

/** Starts a registry on a free port of this machine with only our scope. All other packages come from the usual registry. */
export async function startRegistry(/** @type {string} */ modules, /** @type {string} */ root) {
  const folder = await mkdtemp(join(root, "registry-"));
  const port = await freePort();
  const config = {
    storage: join(folder, "storage"),
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    packages: { "@encdec/*": { access: "$all", publish: "$all" } },
    max_body_size: "200mb",
    log: { type: "stdout", level: "error" },
  };
  const file = join(folder, "config.yaml");
  await writeFile(file, JSON.stringify(config)); // JSON is YAML.
  const program = join(modules, "verdaccio", "bin", "verdaccio");
  const child = spawn(process.execPath, [program, "--config", file, "--listen", `127.0.0.1:${port}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = `http://127.0.0.1:${port}/`;
  await answering(`${url}-/ping`, child);
  return { url, close: () => ended(child) };
}

/** Starts a container registry on a free port of this machine. @returns its host and port */
export async function startOciRegistry(/** @type {string} */ root) {
  const folder = await mkdtemp(join(root, "oci-"));
  const address = `127.0.0.1:${await freePort()}`;
  const config = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "storage") } },
    http: { addr: address },
  };
  const file = join(folder, "config.yaml");
  await writeFile(file, JSON.stringify(config)); // JSON is YAML.
  const child = spawn(debianProgram("docker-registry"), ["serve", file], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await answering(`http://${address}/v2/`, child);
  return { address, close: () => ended(child) };
}

/** Waits until a server answers. @throws Error if its process ends first, or after a minute */
async function answering(
  /** @type {string} */ url,
  /** @type {import("node:child_process").ChildProcessByStdio<null, null, import("node:stream").Readable>} */ child,
) {
  let story = "";
  child.stderr.on("data", (/** @type {Buffer} */ chunk) => (story += chunk));
  for (const end = Date.now() + 60_000; ;) {
    const isReady = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    if (child.exitCode !== null || Date.now() > end) throw new Error(`${url}: no server: ${story}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ended(
  /** @type {import("node:child_process").ChildProcessByStdio<null, null, import("node:stream").Readable>} */ child,
) {
  if (child.exitCode !== null) return;
  child.kill();
  await once(child, "exit");
}

/** A free port. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
}
