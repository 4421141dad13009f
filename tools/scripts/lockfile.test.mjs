/** Run by `node --test tools/scripts`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, INSTALL_SCRIPTS, problemsOf } from "./lockfile.mjs";

const locked = (/** @type {string} */ name, version = "1.0.0") => ({
  version,
  resolved: addressOf(name, version),
  integrity: "sha512-x",
});
const scripted = Object.keys(INSTALL_SCRIPTS).map((name) => [
  `node_modules/${name}`,
  { ...locked(name), hasInstallScript: true },
]);
const problemsWith = (/** @type {Parameters<typeof problemsOf>[0]["packages"]} */ packages) =>
  problemsOf({
    packages: { "": {}, "packages/core": {}, ...Object.fromEntries(scripted), ...packages },
  }).join();

await test("a lock file with only packages from the public registry has no problems", () => {
  assert.equal(problemsWith({ "node_modules/@a/b/node_modules/c": locked("c", "2.0.0") }), "");
});

await test("an alias has the address of its package", () => {
  const alias = { ...locked("@x/new", "3.0.0"), name: "@x/new" };
  assert.equal(alias.resolved, "https://registry.npmjs.org/@x/new/-/new-3.0.0.tgz");
  assert.equal(problemsWith({ "node_modules/old": alias }), "");
});

await test("reports another host or version, a package without address or hash, and a new install script", () => {
  const resolved = "https://mirror.example/a/-/a-1.0.0.tgz";
  assert.match(problemsWith({ "node_modules/a": { ...locked("a"), resolved } }), /from https:\/\/mirror/u);
  assert.match(
    problemsWith({ "node_modules/a": { ...locked("a"), version: "1.0.1" } }),
    /expected .*1\.0\.1/u,
  );
  const { version, integrity } = locked("a");
  assert.match(problemsWith({ "node_modules/a": { version, integrity } }), /from nowhere/u);
  assert.match(problemsWith({ "node_modules/a": { ...locked("a"), integrity: "sha1-x" } }), /no SHA-512/u);
  assert.match(
    problemsWith({ "node_modules/a": { version, resolved: addressOf("a", version) } }),
    /no SHA-512/u,
  );
  assert.match(
    problemsWith({ "node_modules/a": { ...locked("a"), hasInstallScript: true } }),
    /install script/u,
  );
});
