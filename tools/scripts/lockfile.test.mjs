import assert from "node:assert/strict";
import { test } from "node:test";
import { INSTALL_SCRIPTS, problemsOf, withAddresses } from "./lockfile.mjs";

const integrity = "sha512-x";
const scripted = Object.fromEntries(
  Object.keys(INSTALL_SCRIPTS).map((name) => [
    `node_modules/${name}`,
    { version: "1.0.0", integrity, hasInstallScript: true },
  ]),
);
const lock = (
  /** @type {{ "node_modules/@a/b/node_modules/c": { version: string; integrity: string; }; } | {} | { "node_modules/old": { name: string; version: string; integrity: string; }; }} */ more,
) => withAddresses({ packages: { "": {}, "packages/core": {}, ...scripted, ...more } });

await test("a lock file with only packages from the public registry has no problems", () => {
  assert.deepEqual(
    problemsOf(lock({ "node_modules/@a/b/node_modules/c": { version: "2.0.0", integrity } })),
    [],
  );
});

await test("reports another host, a package without a hash and a new install script", () => {
  const { packages } = lock({});
  const mirror = { version: "1.0.0", resolved: "https://mirror.example/a/-/a-1.0.0.tgz", integrity };
  assert.match(
    problemsOf({ packages: { ...packages, "node_modules/a": mirror } }).join(),
    /mirror\.example/u,
  );
  const other = (/** @type {{} | { integrity: string; hasInstallScript: boolean; }} */ entry) =>
    problemsOf(lock({ "node_modules/a": { version: "1.0.0", ...entry } })).join();
  assert.match(other({}), /no SHA-512/u);
  assert.match(other({ integrity, hasInstallScript: true }), /install script/u);
});

await test("an alias has the address of its package", () => {
  const { packages } = lock({ "node_modules/old": { name: "@x/new", version: "3.0.0", integrity } });
  assert.equal(packages["node_modules/old"]?.resolved, "https://registry.npmjs.org/@x/new/-/new-3.0.0.tgz");
});
